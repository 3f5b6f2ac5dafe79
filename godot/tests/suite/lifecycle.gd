# Starting, stopping and freeing, also where it hurts: in handlers, under traffic, a thousand times.
extends "res://tests/test_case.gd"

const CYCLES := 1000

var got := 0

func talkative() -> Array[SinewServer]:
	var port := free_port()
	var a := lobby(port)
	var b := world(port)
	var remote := await connected(a, b)
	for i in 100:
		remote.send(i, PackedByteArray([i]))
	return [a, b]

func test_stop_says_goodbye_and_start_may_follow_in_the_handler() -> void:
	var both := await talkative()
	var b := both[1]
	var reasons: Array[int] = []
	b.stopped.connect(func(reason: int, _text: String) -> void:
		reasons.append(reason)
		equal(b.is_running(), false, "it has stopped")
		if reasons.size() == 1:
			equal(b.start(), OK, "started again in the handler"))
	b.stop()
	b.stop()
	await until(func() -> bool: return reasons.size() == 1 and b.server_id != 0, "it runs again")
	equal(reasons, [SinewServer.STOP_REQUESTED] as Array[int], "one reason")
	await connected(both[0], b)

func test_a_node_is_freed_in_its_own_handler() -> void:
	for by_queue: bool in [true, false]:
		var both := await talkative()
		got = 0
		both[1].message_received.connect(_free_in_handler.bind(both[1], by_queue))
		var freed := both[1].get_instance_id()
		await until(func() -> bool: return not is_instance_id_valid(freed), "it is freed")
		check(got >= 1, "a message was heard")
		both[0].free()
	await no_thread_is_left()

func _free_in_handler(_from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int, which: SinewServer, by_queue: bool) -> void:
	got += 1
	if by_queue:
		which.queue_free()
	elif got == 1:
		# A signal's own emitter cannot be freed at once in a debug build of the engine, which says so; at the end of the frame it can.
		which.free.call_deferred()

func test_a_node_is_freed_in_the_handler_of_a_remote_server() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port)
	var remote := await connected(a, b)
	got = 0
	b.find_server(a.server_id).message_received.connect(func(_tag: int, _payload: PackedByteArray, _mode: int) -> void:
		got += 1
		if is_instance_valid(b):
			b.free())
	for i in 10:
		remote.send(i, PackedByteArray([i]))
	var freed := b.get_instance_id()
	await until(func() -> bool: return not is_instance_id_valid(freed), "it is freed at once")
	equal(got, 1, "nothing is heard after it")
	a.free()
	await no_thread_is_left()

func test_handles_outlive_the_node() -> void:
	var both := await talkative()
	var remote := both[0].find_server(both[1].server_id)
	var group := both[0].get_server_group("world")
	var waiting := remote.start_request(1, PackedByteArray())
	both[0].free()
	equal(remote.send(1, PackedByteArray()), ERR_DOES_NOT_EXIST, "send")
	equal(remote.name, "world-1", "name")
	equal(remote.explain(), "", "explain")
	equal(remote.get_server_group(), null, "group")
	equal(group.size(), 0, "size")
	equal(group.broadcast(1, PackedByteArray()), -1, "broadcast")
	equal(group.get_remote_servers().size(), 0, "members")
	equal(group.send_any(SinewServer.POLICY_ROUND_ROBIN, 1, PackedByteArray()), null, "send_any")
	equal(waiting.cancel(), ERR_UNCONFIGURED, "cancel")
	await waiting.completed
	equal(waiting.failure, SinewServer.REQUEST_STOPPING, "who waits for an answer is told")
	var reply: SinewReply = await remote.request(1, PackedByteArray())
	equal(reply.failure, SinewServer.REQUEST_NOT_SENT, "request")

func test_a_node_outside_of_the_tree_can_be_polled_by_hand() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := SinewServer.new()
	b.config_text = config("world", "world-1", "registry.addresses = ['127.0.0.1:%d']" % port)
	equal(b.start(), OK, "start")
	await until(func() -> bool: b.poll(); return b.find_server(a.server_id) != null and is_connected_with(b, a), "it connects")
	b.free()

func test_poll_in_a_handler_does_nothing() -> void:
	var both := await talkative()
	var polled: Array[int] = []
	both[1].message_received.connect(func(_from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int) -> void: polled.append(both[1].poll()))
	both[0].find_server(both[1].server_id).send(1, PackedByteArray())
	await until(func() -> bool: return polled.size() > 0, "it was tried")
	equal(polled[0], 0, "nothing is handled twice")

func test_another_thread_is_refused() -> void:
	var both := await talkative()
	var remote := both[0].find_server(both[1].server_id)
	var answers: Array[int] = []
	var thread := Thread.new()
	thread.start(func() -> void: answers.append(remote.send(1, PackedByteArray())))
	await until(func() -> bool: return not thread.is_alive(), "the thread ends")
	thread.wait_to_finish()
	equal(answers, [ERR_INVALID_PARAMETER] as Array[int], "send on a thread")

func test_many_servers_in_one_tree() -> void:
	var port := free_port()
	var a := lobby(port)
	var worlds: Array[SinewServer] = []
	for i in 8:
		worlds.append(world(port, "world-%d" % i))
	var group := a.get_server_group("world")
	await until(func() -> bool: return group.get_remote_servers().filter(
		func(remote: SinewRemoteServer) -> bool: return remote.state == SinewServer.STATE_CONNECTED).size() == 8, "all are connected")

func test_a_thousand_starts_and_stops_leave_nothing() -> void:
	# The first ones leave what the engine and the C library keep for themselves.
	var before := 0
	for i in CYCLES:
		if i == 10:
			before = DirAccess.get_files_at("/proc/self/fd").size() + DirAccess.get_directories_at("/proc/self/fd").size()
		var server := SinewServer.new()
		server.config_text = config("lobby", "lobby-1", "registry = { host = true, listen = '127.0.0.1:0' }")
		if server.start() != OK:
			check(false, "start %d: %s" % [i, SinewServer.get_last_error()])
		server.poll()
		server.free()
		if i % 50 == 0:
			await frame()
	await no_thread_is_left()
	equal(DirAccess.get_files_at("/proc/self/fd").size() + DirAccess.get_directories_at("/proc/self/fd").size(), before, "no file or socket is left")
