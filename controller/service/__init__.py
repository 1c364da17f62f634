"""The controller process, put together (``controller.py``), and what of the switch's layer the shell needs besides
(``beside_calls.py``): the one place in ``controller`` that names ``esl_handlers``.
"""
