"""What was last wrong with the link, by number.

Law: each way in which a modem, a network, a broker or a gateway can fail us has a number here, a
text in both languages for the status screen (texts/), and a name in the status of the control
channel.
None of them ever touches a tap.
"""

from micropython import const

NONE = const(0)
NO_NETWORK = const(301)   # no coverage, or the radio is off
UNREACHABLE = const(302)  # nobody answers at the broker's address
SLOW = const(303)         # no connection within 30 s, or it takes no more bytes for 10 s
UNTRUSTED = const(304)    # the server is not the one it should be (TLS)
SILENT = const(305)       # it accepts the connection and says nothing: no CONNACK or SUBACK
REFUSED = const(306)      # it refuses our login
UNREADABLE = const(307)   # it does not let us read our replies
UNACKED = const(308)      # it takes what we publish and acknowledges nothing
DEAD = const(309)         # half open: no answer to a ping
CLOSED = const(310)       # it hung up
GARBLED = const(311)      # what it says is no MQTT, or too much of it
FALSE_REPLY = const(312)  # a reply that is not authentic, not for us or not for these bytes
UNANSWERED = const(313)   # a tap went out four times, each acknowledged, and nobody answered
NO_MODEM = const(314)     # the modem says nothing, or nothing that can be read
NO_SIM = const(315)       # no SIM in it
SIM_PIN = const(316)      # the SIM wants a PIN that nobody gave us
PIN_REFUSED = const(317)  # the PIN we have is wrong, and is not tried again
SIM_LOCKED = const(318)   # the SIM wants its PUK
SIM_FAILED = const(319)   # the SIM does not work, or is locked to another network
SEARCHING = const(320)    # not registered: no network lets itself be found
DENIED = const(321)       # the network refuses this SIM
NO_DATA = const(322)      # registered, but there is no data call: wrong APN, or none booked
NO_PPP = const(323)       # the data call stands, and PPP gets no address
PPP_STUCK = const(324)    # PPP does not end: only a restart of the handset helps
NO_WIFI = const(325)      # no access point of this name
WIFI_PASSWORD = const(326)  # the access point refuses the password
WIFI_FAILED = const(327)  # the access point lets nobody in now

NAMES = ("no_network", "unreachable", "slow", "untrusted", "silent", "refused", "unreadable",
         "unacked", "dead", "closed", "garbled", "false_reply", "unanswered", "no_modem",
         "no_sim", "sim_pin", "pin_refused", "sim_locked", "sim_failed", "searching", "denied",
         "no_data", "no_ppp", "ppp_stuck", "no_wifi", "wifi_password", "wifi_failed")


def name(fault):
    """The word for a fault; None for none."""
    return NAMES[fault - NO_NETWORK] if fault else None
