"""Agents' phones at FreeSWITCH, as the ``AgentLines`` port asks for them (``agent_lines.py``).

commands out   commands.py · transfer.py · supervise.py · recording.py      over ``asking.py``
events in      book.py → register.py, which knows who is on which line (``tracked.py``)
restarts       resync.py: what the switch has, held against what is known
"""
