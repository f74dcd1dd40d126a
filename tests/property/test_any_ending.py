"""Any journey that did not go through: what is called unchanged, or as it was, surely is."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.effect import Effect
from bot.journey import last_words
from bot.model import Heading, Mark, Way
from bot.plans import changed, remaining
from tests.property.test_any_journey import MANY, OUTCOMES, SPECS, Journey, Spec, drawn


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    specs=st.lists(SPECS, min_size=1, max_size=6),
    outcomes=st.lists(OUTCOMES, max_size=30),
    answers=st.lists(st.integers(0, 3), max_size=20),
    cancel_at=st.integers(0, 20) | st.just(MANY),
)
def test_what_is_called_as_it_was_surely_is(
    specs: list[Spec], outcomes: list[str], answers: list[int], cancel_at: int
) -> None:
    journey = Journey(drawn(specs), iter(outcomes), iter(answers), cancel_at)
    journey.go()
    if journey.heading is Heading.FORTH:
        return
    last = last_words(journey.entries)
    did = {step.name for step in changed(journey.plan, last)}
    stays = {step.name for step in remaining(journey.plan, last)}
    assert stays <= did
    closers = {step.closes: step.name for step in journey.plan.steps if step.closes}
    for step in journey.plan.steps:
        changes = isinstance(step.does, Effect) and step.does.changes and (step.no_return or not step.closes)
        if not changes or (step.name, Way.DO) not in journey.maybe:
            continue
        assert step.name in did, "it may have happened"
        closer = closers.get(step.name, "")
        ended = [e.mark for e in journey.entries if e.step == closer][-1:]
        undone = journey.last(step.name, Way.UNDO) is Mark.DONE
        assert step.name in stays or undone or ended == [Mark.DONE], "neither undone nor closed"
