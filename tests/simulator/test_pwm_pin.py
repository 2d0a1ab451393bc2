"""The fake buzzer hears what a pin with PWM would make."""

from simulator.pwm_pin import PwmPin
from tests.firmware.portable import raises


def test_it_hears_tones_with_their_times():
    clock = [0]
    pin = PwmPin(lambda: clock[0])
    pin.freq(1000)
    assert pin.heard == [] and not pin.sounds()
    pin.duty_u16(100)
    clock[0] = 30
    pin.freq(2000)
    clock[0] = 40
    pin.duty_u16(0)
    assert pin.heard == [[1000, 0, 30, 100], [2000, 30, 40, 100]]


def test_it_refuses_what_the_hardware_refuses():
    pin = PwmPin(lambda: 0)
    for call, value in ((pin.freq, 0), (pin.duty_u16, -1), (pin.duty_u16, 65536)):
        raises(ValueError, call, value)
    pin.fails = True
    raises(OSError, pin.freq, 1000)
