"""How a run ends, whichever sweep finds that it is over: run and campaign together, the hopper forgotten, one log line."""

from __future__ import annotations

from controller.domain.campaigns.lifecycle import CampaignState, RunState
from controller.domain.hopper.lead import LeadState
from controller.jobs.world import World
from controller.logs import changed
from controller.storage.runs import StoredRun

STOPPED = "stopped"
WINDOW_CLOSED = "window_closed"


def end_run(world: World, run: StoredRun, reason: str, now: float) -> bool:
    """False, and nothing changed, while a lead is not final or when somebody else ended the run first."""
    stopped = reason == STOPPED
    to, campaign = (RunState.STOPPED, CampaignState.STOPPED) if stopped else (RunState.COMPLETED, CampaignState.COMPLETED)
    world.hopper.drop(run.id)  # first: nobody would come back for the hopper of a run that has ended
    if not world.runs.set_state(run.id, [run.state], to, now, campaign=campaign):
        return False
    changed("run", run.id, run.state.value, to.value, reason, campaign=run.plan.campaign)
    return True


def final_state(closing_reason: str | None) -> LeadState:
    """What becomes of a lead that still waits when its run closes; as ``storage.settling`` does for calls that end later."""
    return LeadState.STOPPED if closing_reason in (None, STOPPED) else LeadState.WINDOW_CLOSED
