"""The site as stored: carriers, numbers, bots, queues, agents and dispositions, each by its kind and name.

A site file is laid over what is stored: its items are written, others stay. Whether an item may go is the caller's to decide
(features 1.8); what an item may contain is ``domain/site.py``'s.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from controller.domain.site import Part, Site
from controller.storage.database import Database
from controller.storage.tables import SiteItem


class SiteStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, site: Site, now: float) -> None:
        """Write every item of the file over what is stored under its name."""
        rows = [
            {"kind": kind, "name": name, "spec": item.model_dump(mode="json"), "updated_at": now}
            for kind, name, item in _items(site)
        ]
        if not rows:
            return
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(SiteItem)
        with self._database.write() as connection:
            connection.execute(
                insert.values(rows).on_conflict_do_update(
                    index_elements=[SiteItem.kind, SiteItem.name],
                    set_={"spec": insert.excluded.spec, "updated_at": insert.excluded.updated_at},
                )
            )

    def site(self) -> Site:
        """Everything that is stored, by kind and name."""
        with self._database.read() as connection:
            rows = connection.execute(select(SiteItem.kind, SiteItem.spec).order_by(SiteItem.kind, SiteItem.name)).all()
        by_kind: dict[str, list[object]] = {kind: [] for kind in Site.model_fields}
        for kind, spec in rows:
            by_kind[kind].append(spec)
        return Site.model_validate(by_kind)

    def remove(self, kind: str, name: str) -> bool:
        """False when there is no such item."""
        with self._database.write() as connection:
            gone = connection.execute(delete(SiteItem).where(SiteItem.kind == kind, SiteItem.name == name))
            return gone.rowcount == 1


def _items(site: Site) -> list[tuple[str, str, Part]]:
    """Kind, name, item."""
    return [
        *(("carrier", carrier.name, carrier) for carrier in site.carrier),
        *(("number", number.number, number) for number in site.number),
        *(("bot", bot.name, bot) for bot in site.bot),
        *(("queue", queue.name, queue) for queue in site.queue),
        *(("agent", agent.name, agent) for agent in site.agent),
        *(("disposition", disposition.name, disposition) for disposition in site.disposition),
    ]
