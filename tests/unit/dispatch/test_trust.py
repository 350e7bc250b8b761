from dispatch.trust import ContentWatch, Obedience


def test_a_device_that_disobeys_twice_is_left_alone_for_an_hour() -> None:
    device = Obedience()
    device.judge(500, 0)
    device.judge(500, 480)
    device.judge(-500, 0)
    assert not device.withdrawn
    device.judge(-500, 100)
    assert device.withdrawn
    for _ in range(4):
        assert device.withdrawn
        device.judge(0, 500)
    assert not device.withdrawn


def test_a_content_may_move_as_fast_as_the_power_and_a_little() -> None:
    watch = ContentWatch(6_400_000, 5_000)
    assert watch.heard(3_000_000, 0)
    assert watch.heard(3_000_000 + 5_000 * 900 // 3_600 * 1_000 + 320_000, 900)
    assert not watch.heard(0, 910)
    assert watch.in_doubt
    assert not watch.heard(10_000, 920)
    assert watch.heard(0, 930)
    assert not watch.in_doubt


def test_a_content_outside_the_store_is_never_believed() -> None:
    watch = ContentWatch(6_400_000, 5_000)
    assert not any(watch.heard(content, at) for at, content in enumerate((-1, 6_400_001, 6_400_001, 6_400_001)))
    assert watch.in_doubt
