extends RefCounted
## A player, who is on one world at a time and travels between them as the payload of a request.

const NAMES: Array[String] = [
	"Ada", "Björn", "Chidi", "Dora", "Emre", "Freya", "Goro", "Hana", "Iker", "Juno"
]

var id := 0
var name := ""
## On a world, from (0, 0) to (1, 1).
var position := Vector2(0.5, 0.5)
## In worlds per second.
var velocity := Vector2.ZERO
## How long she goes on playing, in seconds.
var seconds_left := 0.0
## She is on her way to another world, whose answer is awaited.
var is_leaving := false


## A new one, in the middle of whichever world takes her.
static func create(player_id: int) -> RefCounted:
	var player := new()
	player.id = player_id
	player.name = NAMES[player_id % NAMES.size()]
	player.position = Vector2(randf_range(0.3, 0.7), randf_range(0.15, 0.85))
	player.velocity = Vector2.from_angle(randf() * TAU) * randf_range(0.08, 0.16)
	player.seconds_left = randf_range(20.0, 30.0)
	return player


## What [method write] wrote; null if it is something else.
static func read(payload: PackedByteArray) -> RefCounted:
	var reader := SinewReader.create(payload)
	var player := new()
	player.id = reader.read_u32()
	player.name = reader.read_str()
	player.position = Vector2(reader.read_f32(), reader.read_f32())
	player.velocity = Vector2(reader.read_f32(), reader.read_f32())
	player.seconds_left = reader.read_f32()
	return player if reader.is_finished() else null


func write() -> PackedByteArray:
	var writer := SinewWriter.new().write_u32(id).write_str(name)
	writer.write_f32(position.x).write_f32(position.y).write_f32(velocity.x).write_f32(velocity.y)
	return writer.write_f32(seconds_left).to_bytes()
