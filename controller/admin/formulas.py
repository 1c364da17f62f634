"""What a campaign's pacing formulas say at this moment (features 3.9): evaluated for whoever asks, used for nothing."""

from __future__ import annotations

from typing import Any

from controller.admin.campaigns import Named
from controller.admin.commands import Desk, Verb
from controller.domain.campaigns.campaign import Campaign
from controller.domain.pacing.formula_value import fault_of, in_use
from controller.errors import Refused
from controller.formulas.constant import Constants
from controller.storage.campaigns import CampaignStore


def evaluated(desk: Desk, campaign: Campaign) -> list[dict[str, Any]]:
    """One row a formula: its expression, what it says, and which value would be used; none for a campaign without."""
    formula = campaign.pacing.formula
    if formula is None:
        return []
    source = desk.formulas if desk.formulas is not None else Constants(desk.now)
    rows = []
    for name, bounds in campaign.pacing.formula_bounds().items():
        expression = formula.expressions[name]
        reading = source.evaluate(expression)
        fault = fault_of(reading, bounds.most)
        used = in_use(reading, None if fault is not None else reading, bounds, desk.now())
        rows.append(
            {
                "formula": name,
                "expression": expression,
                "says": reading.value,
                "in_use": used.value,
                "safe": used.safe,
                "fault": used.fault.value if used.fault is not None else None,
                "detail": used.detail or (f"above {bounds.most:g} or negative" if used.safe else ""),
                "most": bounds.most,
            }
        )
    return rows


def show_formulas(desk: Desk, args: Named) -> dict[str, Any]:
    """The preview of features 3.9; ``Refused`` for a campaign that has no formula."""
    campaign = CampaignStore(desk.database).get(args.name).spec
    rows = evaluated(desk, campaign)
    if campaign.pacing.formula is None:
        raise Refused(f"campaign {args.name} has no formula; add [pacing.formula] to its file")
    return {"campaign": args.name, "calls_for": "agent" if campaign.pacing.formula.per_agent else "pulse", "formulas": rows}


FORMULA_VERBS = (
    Verb(
        "campaign.formula",
        Named,
        "what the pacing formulas say now, and which values would be used",
        do=show_formulas,
        reads=True,
    ),
)
