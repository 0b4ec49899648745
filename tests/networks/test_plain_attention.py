"""Fused attention is off where models are differentiated, and as it was afterwards."""

import threading

from networks.models import torch

from isoloss.networks.plain_attention import plain_attention


def settings():
    kernels = torch.backends.cuda
    return (
        torch.backends.mha.get_fastpath_enabled(),
        kernels.flash_sdp_enabled(),
        kernels.mem_efficient_sdp_enabled(),
    )


def test_it_is_off_within_and_as_it_was_afterwards():
    before = settings()
    with plain_attention():
        assert settings() == (False, False, False)
        with plain_attention():
            assert settings() == (False, False, False)
        assert settings() == (False, False, False)
    assert settings() == before


def test_threads_that_overlap_leave_it_as_it_was():
    before, entered, left = settings(), threading.Event(), threading.Event()

    def first():
        with plain_attention():
            entered.set()
            left.wait(5)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(5)
    with plain_attention():  # begins in the other's time, and ends later
        left.set()
        thread.join(5)
        assert settings() == (False, False, False)
    assert settings() == before
