import pytest

from isoloss.curves.spellings import in_bits, nearest, roles_of


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ("_step train/loss train/lr eval/loss", "_step train/loss train/lr eval/loss"),
        ("Step _step loss", "Step loss - -"),
        ("_step iteration loss", "iteration loss - -"),
        ("trainer/global_step loss_step loss_epoch", "trainer/global_step loss_step - -"),
        ("step loss lr-Adam-momentum lr-Adam", "step loss lr-Adam -"),
        ("step loss lr-AdamW/pg1 lr-AdamW/pg2", "step loss lr-AdamW/pg1 -"),
        ("step Train.Loss Learning.Rate Val.Loss", "step Train.Loss Learning.Rate Val.Loss"),
        (
            "step lm_loss learning-rate lm-loss-validation",
            "step lm_loss learning-rate lm-loss-validation",
        ),
        ("gstep lossy rate", "- - - -"),
    ],
)
def test_columns_are_found_by_their_names(names: str, roles: str) -> None:
    found, _ = roles_of(names.split(), {})
    assert [found.get(role, "-") for role in ("step", "loss", "lr", "test_loss")] == roles.split()


def test_a_choice_wins_and_is_not_taken_twice() -> None:
    names = ["step", "loss", "val_loss", "other"]
    found, others = roles_of(names, {"test_loss": "loss", "lr": "absent"})
    assert found == {"step": "step", "test_loss": "loss"}
    assert not others
    assert roles_of([*names, "train_loss"], {})[1] == {"loss": ["loss"]}


def test_names_that_could_be_meant() -> None:
    names = ["gstep", "my_loss", "other_loss", "rate"]
    assert nearest("loss", names) == "; perhaps columns={'loss': 'my_loss'}, or 'other_loss'"
    assert nearest("step", names) == "; perhaps columns={'step': 'gstep'}"
    assert nearest("lr", names) == ""


@pytest.mark.parametrize(
    ("name", "bits"), [("val/bpb", True), ("bits_per_byte", True), ("orbits", False)]
)
def test_names_of_bits(name: str, bits: bool) -> None:
    assert in_bits(name) == bits
