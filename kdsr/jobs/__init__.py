"""Background runs that outlive the page, the worker and the app: queue, workers, limits and ownership."""

from kdsr.jobs.run import Run, curve, public
from kdsr.jobs.search_plan import SearchPlan, plan_from_json
from kdsr.jobs.service import Jobs
from kdsr.jobs.states import ACTIVE, WAITING, State

__all__ = ["ACTIVE", "WAITING", "Jobs", "Run", "SearchPlan", "State", "curve", "plan_from_json", "public"]
