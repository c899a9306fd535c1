"""Gives up every right once the sockets are open: user, capabilities, and the way back (capabilities(7), prctl(2)).

Not even CAP_NET_RAW is kept: an open packet socket needs it no more.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAP_VERSION_3 = 0x20080522
_NOBODY = 65534
_SIGKILL = 9


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def give_up() -> str:
    """Returns what is left, for the parent to see. Raises `OSError` when a right could not be given up."""
    if not sys.platform.startswith("linux"):
        return "not linux: rights of the parent"
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        # Numbers this kernel does not have are an error of no interest; so is it without CAP_SETPCAP, which has no bound to lift.
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        except PermissionError:
            # Root of a container without CAP_SETUID: the capabilities below are what counts.
            pass
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    # A change of user clears this one: it is set last, so that the helper never outlives its parent.
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    empty = (_Data * 2)()
    if libc.capset(ctypes.byref(_Header(_CAP_VERSION_3, 0)), ctypes.byref(empty)) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    return "none"
