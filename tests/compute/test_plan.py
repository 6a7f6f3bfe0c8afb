from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from explorer.compute.plan import Job, Tier, Wish, plan


def wish(key, tier=Tier.VISIBLE, distance=0.0, lane="decode", needs=()):
    return Wish(key, lane, tier, distance, needs)


def test_visible_rows_start_before_rows_ahead_and_near_ones_before_far_ones():
    wishes = [wish("ahead", Tier.AHEAD), wish("far", distance=5), wish("near", distance=1)]
    jobs = plan(wishes, known=(), running=(), free={"decode": 2}, batch={})
    assert [job.keys for job in jobs] == [("near",), ("far",)]


def test_what_is_known_or_running_is_not_started_again():
    wishes = [wish("known"), wish("running"), wish("new")]
    jobs = plan(wishes, known={"known"}, running={"running"}, free={"decode": 9}, batch={})
    assert jobs == [Job("decode", ("new",))]


def test_a_batch_takes_visible_rows_then_rows_ahead_and_is_not_delayed_to_be_full():
    wishes = [wish(i, Tier.AHEAD if i < 2 else Tier.VISIBLE, i, "infer") for i in range(5)]
    jobs = plan(wishes, known=(), running=(), free={"infer": 1}, batch={"infer": 8})
    assert jobs == [Job("infer", (2, 3, 4, 0, 1))]


def test_a_wish_waits_for_what_it_needs():
    wishes = [wish("tile"), wish("pred", lane="infer", needs=("tile",))]
    free = {"decode": 1, "infer": 1}
    assert plan(wishes, known=(), running=(), free=free, batch={}) == [Job("decode", ("tile",))]
    assert plan(wishes, known={"tile"}, running=(), free=free, batch={}) == [Job("infer", ("pred",))]


def test_a_lane_without_a_free_slot_starts_nothing():
    assert plan([wish("a")], known=(), running=(), free={"decode": 0}, batch={}) == []


wishes = st.lists(
    st.builds(
        wish,
        st.integers(0, 30),
        st.sampled_from(Tier),
        st.floats(0, 100),
        st.sampled_from(["decode", "infer"]),
    ),
    unique_by=lambda w: w.key,
)


@given(wishes, st.sets(st.integers(0, 30)), st.integers(0, 4), st.integers(1, 7))
def test_a_plan_never_exceeds_its_slots_and_starts_the_most_urgent(wanted, known, slots, size):
    free = {"decode": slots, "infer": slots}
    jobs = plan(wanted, known=known, running=(), free=free, batch={"infer": size})
    by_key = {w.key: w for w in wanted}
    started = [key for job in jobs for key in job.keys]
    assert len(started) == len(set(started))
    assert not known & set(started)
    for lane in free:
        assert sum(job.lane == lane for job in jobs) <= slots
        urgency = [(by_key[k].tier, by_key[k].distance) for j in jobs if j.lane == lane for k in j.keys]
        left = [w for w in wanted if w.lane == lane and w.key not in known and w.key not in started]
        assert all(max(urgency) <= (w.tier, w.distance) for w in left if urgency)
