"""
The boxes of a proof
====================

:func:`isoloss.proof.for_all` proves a claim for every point of a box of parameters, in interval
arithmetic. Where that does not decide it, the box is cut in two. Here both optimizers have the same
test loss at r = 0, so no subdivision decides the claim along that edge: boxes are left over there,
and the proof says ``undecided``.
"""

from isoloss.proof import draw_boxes, for_all

edge = {
    "train": ["1", "g"],
    "test": ["1", "g * (1 + r)"],
    "start_squared": ["1", "2"],
    "level": "1/10",
    "schedules": {"flow": "flow", "annealed": "gd(1, 6) > flow"},
}
claim = "annealed.test_loss <= flow.test_loss"
proof = for_all({"g": ("2/5", "4/5"), "r": (0, 1)}, claim, **edge, max_boxes=400)
print(proof)
axes = draw_boxes(proof)

# %%
# Away from the edge the claim is proved:

proof = for_all({"g": ("2/5", "4/5"), "r": ("1/10", 1)}, claim, **edge)
print(proof.verdict, "in", proof.boxes, "boxes")
axes = draw_boxes(proof)
