# Two servers in one scene tree: what they see of each other, and what they send.
extends "res://tests/test_case.gd"

var seen: Array[String] = []

func tell(what: String) -> Callable:
	return func(remote: SinewRemoteServer) -> void: seen.append("%s %s" % [what, remote.name])

func test_the_order_of_signals_on_node_group_and_remote() -> void:
	var port := free_port()
	var a := lobby(port)
	a.started.connect(func() -> void: seen.append("started"))
	a.server_joined.connect(tell("joined"))
	a.server_connected.connect(tell("connected"))
	a.server_joined.connect(_listen_to_remote)
	a.server_left.connect(func(remote: SinewRemoteServer, reason: int) -> void: seen.append("left %s %d" % [remote.name, reason]))
	a.server_disconnected.connect(func(remote: SinewRemoteServer, reason: int, unacknowledged: int) -> void:
		seen.append("disconnected %s %d %d" % [remote.name, reason, unacknowledged]))
	var group := a.get_server_group("world")
	group.server_connected.connect(tell("group connected"))
	group.server_left.connect(func(remote: SinewRemoteServer, _reason: int) -> void: seen.append("group left %s" % remote.name))
	var b := world(port)
	var remote := await connected(a, b)
	b.stop()
	await until(func() -> bool: return remote.state == SinewServer.STATE_LEFT and seen.size() >= 9, "the world leaves")
	equal(seen, [
		"started", "joined world-1", "remote connected", "group connected world-1", "connected world-1",
		"disconnected world-1 %d 0" % SinewServer.DISCONNECT_PEER_STOPPED,
		"remote left", "group left world-1", "left world-1 %d" % SinewServer.LEAVE_STOPPED] as Array[String], "the signals")
	check(remote.disconnect_text != "", "the reason as text: %s" % remote.disconnect_text)
	equal(remote.name, "world-1", "a handle tells its name for ever")
	equal(remote.send(1, PackedByteArray()), ERR_DOES_NOT_EXIST, "a stale handle is harmless")
	equal(a.find_server(remote.id), null, "it is not found any more")

func _listen_to_remote(remote: SinewRemoteServer) -> void:
	remote.server_connected.connect(func() -> void: seen.append("remote connected"))
	remote.server_left.connect(func(_reason: int) -> void: seen.append("remote left"))

func test_what_they_know_of_each_other() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port, "world-1", "server.properties = { map = 'desert' }")
	var remote := await connected(a, b)
	equal(remote.id, b.server_id, "id")
	equal(remote.group, "world", "group")
	equal(remote.host, b.host, "host")
	equal(remote.port, b.port, "port")
	check(b.port > 0, "the real port")
	equal(remote.direction, SinewServer.DIRECTION_OUTGOING, "direction")
	equal(remote.properties, { "map": "desert" } as Dictionary, "properties")
	equal(remote.readiness, SinewServer.READINESS_READY, "readiness")
	check(is_nan(remote.load) and is_nan(remote.capacity), "load and capacity are not told")
	equal(remote.open_requests, 0, "open_requests")
	equal(remote.get_server_group(), a.get_server_group("world"), "its group is the one handle")
	equal(a.find_server(remote.id), remote, "the one handle")
	equal(a.group, "lobby", "group of the node")
	equal(a.server_name, "lobby-1", "name of the node")
	equal(b.visibility, SinewServer.VISIBILITY_EXTERNAL, "visibility")
	var groups := a.get_server_groups()
	equal(groups.size(), 1, "groups")
	equal(groups[0].name, "world", "name of the group")
	equal(groups[0].size(), 1, "size")
	equal(groups[0].visibility, SinewServer.VISIBILITY_EXTERNAL, "visibility of the group")
	equal(groups[0].direction, SinewServer.DIRECTION_OUTGOING, "direction of the group")
	equal(groups[0].get_remote_servers(), [remote] as Array[SinewRemoteServer], "members")
	equal(groups[0].get_remote_server(remote.id), remote, "member by id")
	equal(groups[0].get_remote_server(1), null, "no such member")
	equal(a.get_server_group("chat"), null, "no such group")
	equal(a.get_remote_servers().size(), 1, "all servers")
	check(remote.explain().contains("world"), remote.explain())
	await until(func() -> bool: return remote.round_trip_time > 0.0, "a keep-alive measures the round trip")
	equal(a.get_stats()["connected"], 1, "stats")

func test_messages_arrive_in_order_with_tag_payload_and_mode() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port)
	var remote := await connected(a, b)
	var got: Array[Array] = []
	b.message_received.connect(func(from: SinewRemoteServer, tag: int, payload: PackedByteArray, mode: int) -> void:
		got.append([from.name, tag, payload, mode]))
	var of_remote: Array[int] = [0]
	var of_group: Array[int] = [0]
	b.find_server(a.server_id).message_received.connect(func(_tag: int, _payload: PackedByteArray, _mode: int) -> void: of_remote[0] += 1)
	b.get_server_group("lobby").message_received.connect(
		func(_from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int) -> void: of_group[0] += 1)
	equal(remote.send(0, PackedByteArray()), OK, "an empty message")
	equal(remote.send(65535, PackedByteArray([1, 2, 3])), OK, "the largest tag")
	await until(func() -> bool: return got.size() == 2, "both arrive")
	equal(remote.send(7, "hello".to_utf8_buffer(), SinewServer.MODE_UNRELIABLE), OK, "unreliable")
	await until(func() -> bool: return got.size() == 3, "the unreliable one arrives")
	equal(remote.send(8, PackedByteArray([9]), SinewServer.MODE_RELIABLE | SinewServer.LANE_2), OK, "on a lane")
	equal(a.send(remote.id, 9, PackedByteArray([10])), OK, "by id")
	equal(remote.send_variant(10, { "at": Vector2(1, 2) }), OK, "a variant")
	equal(SinewWriter.new().write_str("typed").send_to(remote, 11), OK, "a writer")
	equal(SinewWriter.new().write_u8(999).send_to(remote, 11), ERR_INVALID_DATA, "a writer with an error")
	await until(func() -> bool: return got.size() == 7, "all arrive")
	equal(got[0], ["lobby-1", 0, PackedByteArray(), 0], "an empty message")
	equal(got[1], ["lobby-1", 65535, PackedByteArray([1, 2, 3]), 0], "the largest tag")
	equal(got[2], ["lobby-1", 7, "hello".to_utf8_buffer(), SinewServer.MODE_UNRELIABLE], "unreliable")
	var rest := got.slice(3)
	rest.sort_custom(func(x: Array, y: Array) -> bool: return x[1] < y[1])
	equal(rest[0], ["lobby-1", 8, PackedByteArray([9]), SinewServer.LANE_2], "on a lane")
	equal(rest[1], ["lobby-1", 9, PackedByteArray([10]), 0], "by id")
	var bytes: PackedByteArray = rest[2][2]
	equal(SinewServer.get_variant(bytes), { "at": Vector2(1, 2) }, "a variant")
	bytes = rest[3][2]
	equal(SinewReader.create(bytes).read_str(), "typed", "a writer")
	equal(of_remote[0], 7, "also on the remote server")
	equal(of_group[0], 7, "also on the group")

func test_broadcasts_tell_whom_they_missed() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port)
	var c := world(port, "world-2")
	await connected(a, b)
	await connected(a, c)
	var got: Array[int] = [0]
	for each: SinewServer in [b, c]:
		each.message_received.connect(func(_from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int) -> void: got[0] += 1)
	var group := a.get_server_group("world")
	equal(group.broadcast(1, PackedByteArray([1])), 2, "to both")
	equal(group.get_missed(), PackedInt64Array(), "nobody is missed")
	equal(a.broadcast("world", 1, PackedByteArray([1])), 2, "by the name of the group")
	await until(func() -> bool: return got[0] == 4, "both get both")
	equal(a.broadcast("nobody", 1, PackedByteArray()), -1, "no such group")
	says("`nobody`")

func test_wrong_arguments_are_told_and_nothing_is_sent() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port, "world-1")
	var remote := await connected(a, b)
	var got: Array[int] = [0]
	b.message_received.connect(func(_from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int) -> void: got[0] += 1)
	equal(remote.send(65536, PackedByteArray()), ERR_INVALID_PARAMETER, "a tag too large")
	says("65536")
	equal(remote.send(-1, PackedByteArray()), ERR_INVALID_PARAMETER, "a negative tag")
	equal(remote.send(1, PackedByteArray(), 2), ERR_INVALID_PARAMETER, "an unknown mode")
	equal(remote.send(1, PackedByteArray(), -1), ERR_INVALID_PARAMETER, "a negative mode")
	equal(remote.send(1, PackedByteArray(), 1024), ERR_INVALID_PARAMETER, "a lane too high")
	var big := PackedByteArray()
	big.resize(16 * 1024 * 1024 + 1)
	equal(remote.send(1, big), ERR_PARAMETER_RANGE_ERROR, "a message too big")
	says("max_message_bytes")
	equal(a.send(12345, 1, PackedByteArray()), ERR_DOES_NOT_EXIST, "an id that nobody has")
	equal(a.send(0, 1, PackedByteArray()), ERR_INVALID_PARAMETER, "an id that is none")
	equal(a.find_server(-1), null, "find with a number that is no id")
	equal(remote.send(1, PackedByteArray([1])), OK, "a good one")
	await until(func() -> bool: return got[0] == 1, "only the good one arrives")

func test_a_full_outbox_is_told_and_writable_follows() -> void:
	var port := free_port()
	var a := lobby(port, "limits.outbox_bytes = 1048576")
	var b := world(port, "world-1", "limits.inbox_bytes = 1048576")
	var remote := await connected(a, b)
	var writable: Array[int] = [0]
	a.writable.connect(func(_remote: SinewRemoteServer) -> void: writable[0] += 1)
	var got: Array[int] = [0]
	b.message_received.connect(func(_from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int) -> void: got[0] += 1)
	b.set_process(false)
	var payload := PackedByteArray()
	payload.resize(65536)
	# Until it stays full: for some frames the other side still reads.
	var sent := 0
	var full_frames := 0
	var refused := OK
	while full_frames < 30 and sent < 10000:
		refused = remote.send(1, payload)
		if refused == OK:
			sent += 1
			full_frames = 0
		else:
			full_frames += 1
			await frame()
	equal(refused, ERR_BUSY, "after %d messages the outbox is full" % sent)
	says("outbox")
	check(remote.queued_bytes > 524288, "queued_bytes")
	b.set_process(true)
	await until(func() -> bool: return writable[0] > 0 and got[0] == sent, "all %d arrive, and it is writable" % sent)
	equal(remote.send(1, payload), OK, "there is room again")
