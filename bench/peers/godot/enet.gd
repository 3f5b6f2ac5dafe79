# What a Godot game would use instead: ENetMultiplayerPeer, packet by packet.
extends "res://measured.gd"

var peer := ENetMultiplayerPeer.new()

func serve() -> void:
	var listening := ERR_CANT_CREATE
	var free_port := 0
	while listening != OK:
		free_port = randi_range(20000, 60000)
		listening = peer.create_server(free_port, 1)
	print("ready %d" % free_port)
	var told := 0
	while true:
		peer.poll()
		while peer.get_available_packet_count() > 0:
			var payload := peer.get_packet()
			if payload.decode_u64(0) != next or payload.size() != size:
				disorder += 1
			next += 1
			if next % BURST == 0:
				count(next)
		# ENet's queue has no limit: the application keeps a window, as it does in the C program.
		if next - told >= window() / 8:
			told = next
			peer.set_target_peer(0)
			var acknowledgement := PackedByteArray()
			acknowledgement.resize(8)
			acknowledgement.encode_u64(0, next)
			peer.put_packet(acknowledgement)

func ask() -> void:
	peer.create_client("127.0.0.1", port())
	while peer.get_connection_status() != MultiplayerPeer.CONNECTION_CONNECTED:
		peer.poll()
	peer.set_target_peer(1)
	var acknowledged := 0
	while true:
		for i in BURST:
			if sent - acknowledged >= window():
				break
			message.encode_u64(0, sent)
			if peer.put_packet(message) != OK:
				fail("put_packet")
			sent += 1
		count(sent)
		peer.poll()
		while peer.get_available_packet_count() > 0:
			acknowledged = peer.get_packet().decode_u64(0)

## Messages under way: 128 KiB, at least 8.
func window() -> int:
	return maxi(131072 / message.size(), 8)
