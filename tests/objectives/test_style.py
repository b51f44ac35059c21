from kerasart.objectives import style_objective
from kerasart.settings.style import StyleSettings


def test_the_objective_is_what_the_settings_say():
    settings = StyleSettings(
        "a:3,b:1",
        "c:1,d:3",
        content_strength=2.0,
        style_strength=4.0,
        smoothness=0.5,
        style_weight=10.0,
        summed=("content",),
        tv_beta=1.5,
        tv_isotropic=False,
    )

    objective = style_objective(settings)
    names = ("content a", "content b", "style c", "style d", "total_variation")
    assert objective.names == names
    # Shares of a balanced group add up to 1; raw weights multiply the numbers as they are.
    assert [term.weight for term in objective.terms] == [1.5, 0.5, 40.0, 120.0, 0.5]
    assert [term.balanced for term in objective.terms] == [True, True, False, False, True]
    assert [term.summed for term in objective.terms] == [True, True, False, False, False]
    assert (objective.terms[-1].beta, objective.terms[-1].isotropic) == (1.5, False)

    objective = style_objective(settings, [(0, 0.5), (1, 0.0), (2, 1.5)])
    styles = {term.name: term.weight for term in objective.terms if term.name.startswith("style")}
    # The second style has no share, and so no term.
    assert styles == {"style 1 c": 20, "style 3 c": 60, "style 1 d": 60, "style 3 d": 180}
