"""The controller process, put together (``controller.py``), and what of the switch's layer the shell needs besides
(``beside_calls.py``): the one place in ``controller`` that names ``esl_handlers``.
"""

from controller.service.beside_calls import journal_ends, run_check, score_recordings
from controller.service.controller import run_controller

__all__ = ["journal_ends", "run_check", "run_controller", "score_recordings"]
