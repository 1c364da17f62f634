"""All admin verbs in one table; what the command line and the Redis stream can do, and nothing else."""

from __future__ import annotations

from controller.admin.after_call import AFTER_CALL_VERBS
from controller.admin.agents import AGENT_VERBS
from controller.admin.calls import CALL_VERBS
from controller.admin.campaigns import CAMPAIGN_VERBS
from controller.admin.commands import Verb
from controller.admin.contacts import CONTACT_VERBS
from controller.admin.formulas import FORMULA_VERBS
from controller.admin.previews import PREVIEW_VERBS
from controller.admin.site import SITE_VERBS
from controller.admin.views import VIEW_VERBS
from controller.admin.why import WHY_VERBS

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verbs in (
        CAMPAIGN_VERBS,
        SITE_VERBS,
        VIEW_VERBS,
        WHY_VERBS,
        FORMULA_VERBS,
        CALL_VERBS,
        AFTER_CALL_VERBS,
        AGENT_VERBS,
        PREVIEW_VERBS,
        CONTACT_VERBS,
    )
    for verb in verbs
}
"""Verb by name."""
