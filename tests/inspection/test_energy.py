import pytest

from sklearn_sparse_nn.inspection import EnergyMeter, _energy


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(_energy, "_ROOT", tmp_path)
    return tmp_path


def counter(root, number, microjoules, name="package-0", end=999_999_999):
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{end}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder / "energy_uj"


def test_a_machine_without_counters_tells_no_energy(root):
    with EnergyMeter() as meter:
        pass
    assert meter.joules is None and meter.seconds > 0
    assert not meter._watch.is_alive()


def test_energies_of_all_processors_are_added_and_parts_of_them_are_not(root):
    one, two = counter(root, 0, 1_000_000), counter(root, 1, 5_000_000)
    core = counter(root, "0:0", 0, name="core")
    whole = counter(root, 2, 0, name="psys")
    with EnergyMeter() as meter:
        one.write_text("3000000")
        two.write_text("5500000")
        core.write_text("90000000")
        whole.write_text("90000000")
    assert meter.joules == pytest.approx(2.5)
    assert not meter._watch.is_alive()


def test_a_counter_may_begin_again(root):
    energy = counter(root, 0, 999_000_000)
    with EnergyMeter() as meter:
        energy.write_text("1000000")
    assert meter.joules == pytest.approx(2)


def test_a_counter_may_begin_again_more_than_once(root, monkeypatch):
    monkeypatch.setattr(_energy, "_PAUSE", 1e-3)
    energy = counter(root, 0, 0, end=99)
    with EnergyMeter() as meter:
        for microjoules in (60, 20, 80, 40):
            (before,) = (each._sum for each in meter._counters)
            energy.with_suffix(".new").write_text(str(microjoules))
            energy.with_suffix(".new").replace(energy)
            while meter._counters[0]._sum == before:
                meter._over.wait(1e-3)
    assert meter.joules == pytest.approx(240e-6)


@pytest.mark.parametrize("when", ["before", "within"])
def test_counters_that_cannot_be_read_tell_no_energy(root, when):
    energy = counter(root, 0, 5)
    if when == "before":
        energy.unlink()
    with EnergyMeter() as meter:
        if when == "within":
            energy.unlink()
    assert meter.joules is None and meter.seconds > 0


def test_an_error_goes_through_and_the_time_is_taken(root):
    counter(root, 0, 5)
    meter = EnergyMeter()
    with pytest.raises(ZeroDivisionError), meter:
        raise ZeroDivisionError
    assert meter.joules == 0 and meter.seconds > 0
    with meter:  # once more
        pass
    assert meter.joules == 0


def test_this_machine_tells_or_does_not():
    with EnergyMeter() as meter:
        sum(range(10**5))
    assert meter.joules is None or meter.joules >= 0
