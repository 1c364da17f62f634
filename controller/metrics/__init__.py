"""What Prometheus may know of a controller: which series there are (``series.py``), the numbers behind them (``numbers.py``),
when something is counted, in the trade's words (``metrics.py``), and the port that is scraped (``endpoint.py``).
"""

from controller.metrics.endpoint import MetricsEndpoint
from controller.metrics.metrics import Metrics
from controller.metrics.series import SERIES

__all__ = ["SERIES", "Metrics", "MetricsEndpoint"]
