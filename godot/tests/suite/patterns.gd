# Requests and their answers, work for any of a group, properties, reload.
extends "res://tests/test_case.gd"

const ECHO := 1
const LATE := 2
const REFUSED := 3
const IGNORED := 4

var kept: Array[SinewRequest] = []

func pair() -> Array[SinewServer]:
	var port := free_port()
	var a := lobby(port)
	var b := world(port)
	b.request_received.connect(_answer)
	await connected(a, b)
	return [a, b]

func _answer(request: SinewRequest) -> void:
	match request.tag:
		ECHO:
			request.reply(request.payload, 7)
		LATE:
			kept.append(request)
		REFUSED:
			request.refuse()

func test_an_answer_is_awaited() -> void:
	var both := await pair()
	var remote := both[0].find_server(both[1].server_id)
	var reply: SinewReply = await remote.request(ECHO, "ping".to_utf8_buffer())
	check(reply.ok and reply.ended, "there is an answer")
	equal(reply.payload.get_string_from_utf8(), "ping", "payload")
	equal(reply.code, 7, "code")
	equal(reply.failure, 0, "failure")
	equal(reply.remote, remote, "who answered")
	equal(reply.cancel(), ERR_DOES_NOT_EXIST, "it has ended")

func test_answers_may_come_later_and_carry_variants() -> void:
	var both := await pair()
	var remote := both[0].find_server(both[1].server_id)
	var reply := remote.start_request(LATE, PackedByteArray([5]))
	check(not reply.ended, "not yet")
	equal(remote.open_requests, 1, "open_requests")
	await until(func() -> bool: return kept.size() == 1, "the request arrives")
	equal(kept[0].payload, PackedByteArray([5]), "its payload")
	equal(kept[0].remote.name, "lobby-1", "who asks")
	equal(kept[0].mode, SinewServer.MODE_RELIABLE, "its mode")
	equal(kept[0].reply_variant([1, "two"]), OK, "the answer")
	equal(kept[0].reply(PackedByteArray()), ERR_DOES_NOT_EXIST, "a second answer")
	await until(func() -> bool: return reply.ended, "it comes")
	equal(reply.get_variant(), [1, "two"], "the variant")

func test_every_way_to_get_no_answer() -> void:
	var both := await pair()
	var remote := both[0].find_server(both[1].server_id)
	var reply: SinewReply = await remote.request(REFUSED, PackedByteArray())
	equal(reply.failure, SinewServer.REQUEST_REFUSED, "refused")
	reply = await remote.request(IGNORED, PackedByteArray())
	equal(reply.failure, SinewServer.REQUEST_NO_HANDLER, "nobody kept it")
	reply = await remote.request(LATE, PackedByteArray(), 50)
	equal(reply.failure, SinewServer.REQUEST_TIMED_OUT, "in time")
	check(reply.failure_text != "" and not reply.ok, reply.failure_text)
	reply = remote.start_request(LATE, PackedByteArray())
	equal(reply.cancel(), OK, "cancel")
	await reply.completed
	equal(reply.failure, SinewServer.REQUEST_CANCELLED, "cancelled")
	reply = await remote.request(99999, PackedByteArray())
	equal(reply.failure, SinewServer.REQUEST_NOT_SENT, "not sent")
	check(reply.failure_text.contains("99999"), reply.failure_text)
	reply = await remote.request(ECHO, PackedByteArray(), 0)
	equal(reply.failure, SinewServer.REQUEST_NOT_SENT, "no time at all")
	reply = remote.start_request(LATE, PackedByteArray())
	both[1].stop()
	await reply.completed
	check(reply.failure in [SinewServer.REQUEST_LEFT, SinewServer.REQUEST_DISCONNECTED], "the other stops: %s" % reply.failure_text)
	reply = await remote.request(ECHO, PackedByteArray())
	equal(reply.failure, SinewServer.REQUEST_NOT_SENT, "to a server that has left")

func test_a_request_may_be_forgotten_and_a_handler_may_ask() -> void:
	var both := await pair()
	var remote := both[0].find_server(both[1].server_id)
	remote.start_request(ECHO, PackedByteArray([1]))
	var nested: Array[SinewReply] = []
	both[0].message_received.connect(func(from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int) -> void:
		var answer: SinewReply = await from.request(ECHO, PackedByteArray([2]))
		nested.append(answer))
	both[1].find_server(both[0].server_id).send(1, PackedByteArray())
	await until(func() -> bool: return nested.size() == 1 and nested[0].ok, "a request that is made and awaited in a handler")
	equal(both[0].get_stats()["requests_answered"], 2, "both were answered")

func test_work_for_any_server_of_a_group() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port, "world-1")
	var c := world(port, "world-2")
	for each: SinewServer in [b, c]:
		each.request_received.connect(_answer)
	var first := await connected(a, b)
	var second := await connected(a, c)
	var group := a.get_server_group("world")
	var chosen := [group.send_any(SinewServer.POLICY_ROUND_ROBIN, 1, PackedByteArray()), group.send_any(SinewServer.POLICY_ROUND_ROBIN, 1, PackedByteArray())]
	check(chosen.has(first) and chosen.has(second), "each in turn")
	var key := "player-17".to_utf8_buffer()
	var by_key := group.send_any(SinewServer.POLICY_KEY, 1, PackedByteArray(), SinewServer.MODE_RELIABLE, key)
	equal(group.send_any(SinewServer.POLICY_KEY, 1, PackedByteArray(), SinewServer.MODE_RELIABLE, key), by_key, "the same key, the same server")
	equal(b.set_load(10), OK, "set_load")
	equal(c.set_load(1), OK, "set_load")
	equal(c.set_capacity(100), OK, "set_capacity")
	equal(b.set_capacity(100), OK, "set_capacity")
	await until(func() -> bool: return first.load == 10.0 and second.load == 1.0 and first.capacity == 100.0, "the loads are known")
	equal(group.send_any(SinewServer.POLICY_LEAST_LOADED, 1, PackedByteArray()), second, "the least loaded")
	equal(c.set_readiness(SinewServer.READINESS_DRAINING), OK, "set_readiness")
	await until(func() -> bool: return second.readiness == SinewServer.READINESS_DRAINING, "it drains")
	var reply: SinewReply = await group.request_any(SinewServer.POLICY_LEAST_LOADED, ECHO, PackedByteArray([3]))
	equal(reply.remote, first, "not the one that drains")
	equal(group.send_any(SinewServer.POLICY_KEY, 1, PackedByteArray()), null, "a key is missing")
	says("key")
	equal(group.send_any(9, 1, PackedByteArray()), null, "no such policy")
	equal(b.set_readiness(SinewServer.READINESS_STARTING), OK, "set_readiness")
	await until(func() -> bool: return first.readiness == SinewServer.READINESS_STARTING, "it starts")
	reply = await group.request_any(SinewServer.POLICY_ROUND_ROBIN, ECHO, PackedByteArray())
	equal(reply.failure, SinewServer.REQUEST_NOT_SENT, "nobody is left")

func test_properties_are_told_to_the_others() -> void:
	var both := await pair()
	var remote := both[0].find_server(both[1].server_id)
	var updates: Array[int] = [0, 0]
	both[0].server_updated.connect(func(_remote: SinewRemoteServer) -> void: updates[0] += 1)
	remote.server_updated.connect(func() -> void: updates[1] += 1)
	equal(both[1].set_property("map", "desert"), OK, "set_property")
	await until(func() -> bool: return updates[0] > 0 and updates[1] > 0, "both signals come")
	equal(remote.properties.get("map"), "desert", "the property")
	equal(both[1].get_properties().get("map"), "desert", "its own view")
	equal(both[1].set_property("map", null), OK, "removed")
	await until(func() -> bool: return not remote.properties.has("map"), "it is gone")
	equal(both[1].set_property("map", 7), ERR_INVALID_PARAMETER, "not text")
	equal(both[1].set_property("", "x"), ERR_INVALID_PARAMETER, "no name")
	equal(both[1].set_readiness(9), ERR_INVALID_PARAMETER, "no readiness")

func test_a_reload_is_applied_or_refused_as_a_whole() -> void:
	var both := await pair()
	both[1].config_text = both[1].config_text + "\nserver.properties = { season = 'winter' }\n"
	equal(both[1].reload(), OK, "reload (%s)" % SinewServer.get_last_error())
	var remote := both[0].find_server(both[1].server_id)
	await until(func() -> bool: return remote.properties.get("season", "") == "winter", "the new properties are told")
	both[1].config_text = both[1].config_text.replace("name = 'world-1'", "name = 'world-9'")
	equal(both[1].reload(), ERR_PARSE_ERROR, "a name cannot change")
	says("server.name")
	equal(both[1].server_name, "world-1", "nothing has changed")
	equal(remote.state, SinewServer.STATE_CONNECTED, "the link goes on")
