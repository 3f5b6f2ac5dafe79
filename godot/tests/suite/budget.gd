# A frame is not stuttered by what has come: `poll_budget_us`.
extends "res://tests/test_case.gd"

const MESSAGES := 10000

var got := 0

func test_what_does_not_fit_into_a_frame_comes_in_the_next_ones_in_order() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port)
	var remote := await connected(a, b)
	b.set_process(false)
	for i in MESSAGES:
		equal(remote.send(i, PackedByteArray()), OK, "send") if i % 1000 == 0 else remote.send(i, PackedByteArray())
	await until(func() -> bool: return remote.queued_bytes == 0, "all have arrived and wait")
	var wrong: Array[int] = [0]
	b.message_received.connect(func(_from: SinewRemoteServer, tag: int, _payload: PackedByteArray, _mode: int) -> void:
		if tag != got:
			wrong[0] += 1
		got += 1)
	b.poll_budget_us = 500
	var times: Array[int] = []
	while got < MESSAGES and times.size() < MESSAGES:
		var began := Time.get_ticks_usec()
		b.poll()
		times.append(Time.get_ticks_usec() - began)
	equal(got, MESSAGES, "all are told")
	equal(wrong[0], 0, "in their order")
	check(times.size() > 5, "in %d frames" % times.size())
	times.sort()
	@warning_ignore("integer_division")
	var median: int = times[times.size() / 2]
	check(median < 700, "half of the polls take less than 700 us: %d" % median)
	print("10,000 messages with poll_budget_us = 500: %d polls, median %d us, longest %d us" % [times.size(), median, times[-1]])

func test_ten_thousand_messages_in_one_frame() -> void:
	var port := free_port()
	var a := lobby(port)
	var b := world(port)
	var remote := await connected(a, b)
	b.set_process(false)
	var payload := PackedByteArray()
	payload.resize(64)
	for i in MESSAGES:
		remote.send(i, payload)
	await until(func() -> bool: return remote.queued_bytes == 0, "all have arrived and wait")
	b.message_received.connect(func(_from: SinewRemoteServer, _tag: int, _payload: PackedByteArray, _mode: int) -> void: got += 1)
	var began := Time.get_ticks_usec()
	var handled := b.poll()
	var took := Time.get_ticks_usec() - began
	check(handled >= MESSAGES, "one poll without a budget takes all: %d" % handled)
	equal(got, MESSAGES, "all are told")
	print("_process with 10,000 waiting messages of 64 B: %.2f ms" % (took / 1000.0))
