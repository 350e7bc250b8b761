from node.readings.simulated_home import SimulatedHome, net_power_w

MIDNIGHT = 1_741_305_600


def test_the_sun_shines_from_six_to_six() -> None:
    powers = [net_power_w(MIDNIGHT + hour * 3_600) for hour in range(24)]
    assert powers[:7] == [*powers[18:], 420]
    assert min(powers) == powers[12] == 420 - 3_000


def test_registers_only_rise_and_add_up() -> None:
    home = SimulatedHome(MIDNIGHT, 1_000, 2_000)
    assert home.registers(MIDNIGHT).import_index_wh == 1_000
    early, late = home.registers(MIDNIGHT + 6 * 3_600), home.registers(MIDNIGHT + 86_400)
    assert (early.import_index_wh, early.export_index_wh) == (1_000 + 6 * 420, 2_000)
    # A parabola's area is two thirds of its box: 24 kWh of sun, less what is drawn while it shines.
    assert abs(late.export_index_wh - late.import_index_wh - (24_000 - 24 * 420 + 1_000)) < 20
