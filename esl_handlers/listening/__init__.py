"""The ear of the controller: a call's own audio out of FreeSWITCH, and what detection hears in it.

    controller process                                     listener process
    Ear ── taps ── uuid_record / unicast ─► FreeSWITCH ──► files in tmpfs, UDP ─► sources ─► OneCall (Detector)
     └───────────────────────── orders, findings: datagrams ─────────────────────────────────┘

The numbers are worked on in a process of its own: a thread would hold the interpreter's lock for milliseconds at a time, and
every event of every call would wait for it. When that process dies, what it had not yet judged is ``unknown``, and it comes
back. The controller's process needs no NumPy.
"""
