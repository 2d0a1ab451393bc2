"""Which functions of the handset program are cold: loaded from flash for the call, then forgotten.

The heap of a handset without PSRAM holds what is always needed (connection, window, outbox,
tasks) and one thing at a time of the rest. A row is a unit, loaded whole: functions that run
together, or a class whose objects do not outlive the call (a named tuple has no code of its own
and may). A private method that only cold methods of its class call goes with them by itself. A
name that no longer exists stops the build. What may not be here: generators, coroutines, and
functions that hand on a lambda or an inner function.
"""

COLD = {
    # once a boot
    "settings": ("firmware.settings:read", "firmware.settings:Settings",
                 "firmware.board.unix:_found", "firmware.board.unix:_count_boot",
                 "firmware.board.unix:runtime"),
    "mount": ("firmware.outbox:Outbox.mount", "firmware.outbox_mount:mount",
              "firmware.outbox_bitmap:Unsettled.put_last"),
    "boot": ("firmware.app:App.boot",),
    "init": ("firmware.app:App.__init__", "firmware.dispatch:Dispatch.__init__",
             "firmware.uplink:Uplink.__init__", "firmware.link:Link.__init__",
             "firmware.mqtt:Connection.__init__", "firmware.supervisor:Supervisor.__init__",
             "firmware.beats:Beats.__init__", "firmware.again:Again.__init__",
             "firmware.keys_held:KeysHeld.__init__",
             "firmware.screen:Screen.__init__", "firmware.outbox:Outbox.__init__",
             "firmware.outbox_ring:Ring.__init__", "protocol.sealer:Sealer.__init__",
             "firmware.board.unix:UnixBoard.__init__",
             "firmware.board.flash_file:FlashFile.__init__"),
    "last": ("firmware.recall:last_tap", "firmware.checkout:start", "firmware.checkout:recovery",
             "firmware.checkout:State"),
    "open": ("firmware.mqtt:Connection.open", "firmware.keys_held:login"),
    "hello": ("firmware.mqtt:Connection._connected", "firmware.mqtt:Connection._subscribed"),
    "up": ("firmware.link:Link.connected", "firmware.dispatch:Dispatch.connected"),
    "fault": ("firmware.uplink:Uplink._ended", "firmware.uplink:Uplink.drop",
              "firmware.link:Link.lost", "firmware.dispatch:Dispatch.lost"),
    "died": ("firmware.app:App._died", "firmware.app:App._recover",
             "firmware.app:App._name_last_tap", "firmware.app:App._tidy"),
    # for each key, card and screen
    "checkout": ("firmware.checkout:step",),
    "answers": ("firmware.checkout:_settled",),
    "views": ("firmware.views:lines", "firmware.views:Page", "firmware.texts:Words"),
    "draw": ("firmware.screen:Screen.draw",),
    "home": ("firmware.views:_home",),
    "entry": ("firmware.views:_entry",),
    "result": ("firmware.views:_result",),
    "balance": ("firmware.views:_balance",),
    "en": ("firmware.texts.en:parts",),
    "faults": ("firmware.texts:fault",),
    "zh": ("firmware.texts.zh:parts",),
    # for each tap
    "request": ("protocol.fields:request", "protocol.fields:Request"),
    "seal": ("protocol.sealer:Sealer.seal_request",),
    "bind": ("protocol.sealer:Sealer._bind",),
    "encode": ("protocol.sealer:Sealer._other",),
    "tap": ("firmware.app:App._journal", "firmware.app:App._ask"),
    "append": ("firmware.outbox:Outbox.append", "firmware.outbox_bitmap:Unsettled.add",
               "firmware.outbox:Outbox.room", "firmware.outbox:Outbox._make_room"),
    "block": ("firmware.outbox_ring:Ring.open",),
    # for each frame
    "send": ("firmware.dispatch:Dispatch.pump", "firmware.link:Link.next_send",
             "firmware.link:Link._first_send"),
    "find": ("firmware.outbox:Outbox.frame", "firmware.outbox_search:Search.tap"),
    "packets": ("firmware.mqtt:Connection.receive", "firmware.mqtt_codec:Cutter.feed",
                "firmware.mqtt_codec:Cutter._grow"),
    "verify": ("firmware.session:Session._authentic", "protocol.frames:Parts"),
    "decode": ("protocol.cbor:decode",),
    "reply": ("protocol.fields:reply_of", "protocol.fields:Reply"),
    "settle": ("firmware.dispatch:Dispatch._settle", "firmware.dispatch:Dispatch._answer",
               "firmware.session:Session.answered", "firmware.outbox:Outbox.settle",
               "firmware.outbox_bitmap:Unsettled.discard"),
    # now and then
    "heartbeat": ("firmware.beats:report",),
    "beat": ("firmware.beats:answered",),
    "rotation": ("firmware.keys_held:rotate", "firmware.keys_held:forget",
                 "firmware.keys_held:_old_login",
                 "firmware.board.unix:UnixBoard.save_settings",
                 "firmware.board.unix:UnixBoard.aes"),
    "again": ("firmware.again:following", "firmware.dispatch:Dispatch._answer_again"),
    "later": ("firmware.link:Link.postponed", "firmware.link:Link._second_chance",
              "firmware.link:Link._once_more"),
    "conflict": ("firmware.dispatch:Dispatch._journal_again",),
    "outbox": ("firmware.outbox:Outbox._reclaim", "firmware.outbox:Outbox.last",
               "firmware.outbox:Outbox.tidy", "firmware.outbox:Outbox.new_journal",
               "firmware.outbox:Outbox.raise_trace", "firmware.outbox_search:Search.outcome"),
    # the control channel of the unix board
    "tell": ("firmware.board.unix_commands:event",),
    "control": ("firmware.board.unix_commands:obey",),
    "entries": ("firmware.board.unix_commands:list_outbox",),
    "power": ("firmware.board.flash_file:FlashFile.cut_after",),
}
