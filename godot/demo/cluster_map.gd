extends Control
## Draws the cluster: each server a card, each link a line that carries dots as fast as messages
## come, and the players where they are.
##
## It asks nobody; the observer tells it what to draw.

signal world_clicked(world: String)

const TEXT := Color("e8edf4")
const DIM := Color("8b98a9")
const CARD := Color("1f2733")
const GROUND := Color("171d27")
const GROUP_COLORS: Dictionary[String, Color] = {
	"lobby": Color("f2b84b"),
	"world": Color("4fb3ff"),
	"observer": Color("b58cff"),
}
const STATE_NAMES: Dictionary[int, String] = {
	SinewServer.STATE_DISCONNECTED: "disconnected",
	SinewServer.STATE_CONNECTING: "connecting",
	SinewServer.STATE_CONNECTED: "connected",
	SinewServer.STATE_INTERRUPTED: "interrupted",
	SinewServer.STATE_LEFT: "left",
}
const STATE_COLORS: Dictionary[int, Color] = {
	SinewServer.STATE_DISCONNECTED: Color("ff6b6b"),
	SinewServer.STATE_CONNECTING: Color("8b98a9"),
	SinewServer.STATE_CONNECTED: Color("4fd18b"),
	SinewServer.STATE_INTERRUPTED: Color("ffb454"),
	SinewServer.STATE_LEFT: Color("5b6675"),
}
## How long a server that has left is still shown, and a link that nobody speaks of any more, in
## seconds.
const FADE := 3.0
## How long a player is on her way, in seconds.
const FLIGHT := 0.7


class Member:
	var group := ""
	var state := 0
	var about := ""
	var card := Rect2()
	var players: Dictionary[int, Vector2] = {}
	var changed := 0.0


class Link:
	## The two ends, in alphabetical order.
	var ends: Array[String] = []
	## What each end says of it; they may differ for a moment.
	var states: Dictionary[String, int] = {}
	## Messages per second that came to this end.
	var rates: Dictionary[String, int] = {}
	var round_trip_time := 0.0
	var told := 0.0
	var path := Curve2D.new()


class Flight:
	var player := 0
	var link: Link
	var is_forward := true
	var began := 0.0


## How often it was drawn.
var frames := 0

var _members: Dictionary[String, Member] = {}
var _links: Dictionary[String, Link] = {}
var _flights: Array[Flight] = []
var _now := 0.0
var _font := ThemeDB.fallback_font
var _box := StyleBoxFlat.new()


func _ready() -> void:
	_box.anti_aliasing_size = 0.6


func _process(delta: float) -> void:
	_now += delta
	for server: String in _members.keys():
		if (
			_members[server].state == SinewServer.STATE_LEFT
			and _now - _members[server].changed > FADE
		):
			_members.erase(server)
	for link: String in _links.keys():
		if _now - _links[link].told > FADE or not _members.has_all(_links[link].ends):
			_links.erase(link)
	_flights = _flights.filter(func(flight: Flight) -> bool: return _now - flight.began < FLIGHT)
	_arrange()
	queue_redraw()


func set_member(server: String, group: String, state: int) -> void:
	if not _members.has(server):
		_members[server] = Member.new()
		_members.sort()
	var member := _members[server]
	member.group = group
	member.state = state
	member.changed = _now
	if state != SinewServer.STATE_CONNECTED:
		member.players = {}
		member.about = ""


func set_about(server: String, about: String) -> void:
	if _members.has(server):
		_members[server].about = about


## What [param server] says of its link to [param other]; [param rate] is how many messages came
## from there in the last second.
func set_link(server: String, other: String, state: int, rate: int, round_trip_time: float) -> void:
	var ends: Array[String] = [server, other]
	ends.sort()
	var key := " ".join(ends)
	if not _links.has(key):
		_links[key] = Link.new()
	var link := _links[key]
	link.ends = ends
	link.states[server] = state
	link.rates[server] = rate
	link.round_trip_time = round_trip_time if round_trip_time > 0.0 else link.round_trip_time
	link.told = _now


func set_players(world: String, players: Dictionary[int, Vector2]) -> void:
	if _members.has(world):
		_members[world].players = players


## Shows a player on her way between two servers, along their link.
func fly(player: int, from: String, to: String) -> void:
	var ends: Array[String] = [from, to]
	ends.sort()
	var link: Link = _links.get(" ".join(ends))
	# A link that was heard of just now has no line before the next frame.
	if link == null or link.path.point_count == 0 or not _members.has_all(ends):
		return
	var flight := Flight.new()
	flight.player = player
	flight.link = link
	flight.is_forward = _ends_at(link, to)
	flight.began = _now
	_flights.append(flight)


func _gui_input(event: InputEvent) -> void:
	var click := event as InputEventMouseButton
	if click == null or not click.pressed or click.button_index != MOUSE_BUTTON_LEFT:
		return
	for server in _members:
		if _members[server].group == "world" and _members[server].card.has_point(click.position):
			world_clicked.emit(server)
			return


## Lobby and observers above, the worlds below; links leave a card where they do not meet.
func _arrange() -> void:
	var above: Array[String] = []
	var below: Array[String] = []
	for server in _members:
		(below if _members[server].group == "world" else above).append(server)
	# Links between worlds that are not neighbours go below.
	var bottom := size.y - (44.0 if below.size() > 2 else 8.0)
	_arrange_row(above, 8.0, 104.0, 280.0)
	_arrange_row(below, bottom - 260.0, 260.0, 330.0)
	for link: Link in _links.values():
		if _members.has_all(link.ends):
			_lead(link.path, _members[link.ends[0]].card, _members[link.ends[1]].card)


func _arrange_row(row: Array[String], top: float, height: float, widest: float) -> void:
	var share := size.x / maxi(row.size(), 1)
	var width := minf(widest, share - 104.0)
	for index in row.size():
		_members[row[index]].card = Rect2(share * (index + 0.5) - width / 2.0, top, width, height)


func _lead(path: Curve2D, a: Rect2, b: Rect2) -> void:
	path.clear_points()
	if not is_equal_approx(a.position.y, b.position.y):
		var upper := a if a.position.y < b.position.y else b
		var lower := b if upper == a else a
		var lean := (lower.get_center().x - upper.get_center().x) / size.x
		path.add_point(Vector2(upper.get_center().x + lean * upper.size.x * 0.8, upper.end.y))
		path.add_point(Vector2(lower.get_center().x - lean * lower.size.x * 0.6, lower.position.y))
		return
	var left := a if a.position.x < b.position.x else b
	var right := b if left == a else a
	if right.position.x - left.end.x < left.size.x:
		var y := a.position.y + minf(a.size.y / 2.0, 130.0)
		path.add_point(Vector2(left.end.x, y))
		path.add_point(Vector2(right.position.x, y))
		return
	path.add_point(Vector2(left.get_center().x, left.end.y))
	path.add_point(Vector2(left.get_center().x, left.end.y + 20.0))
	path.add_point(Vector2(right.get_center().x, right.end.y + 20.0))
	path.add_point(Vector2(right.get_center().x, right.end.y))


func _draw() -> void:
	frames += 1
	# Also between servers that are not known here yet: these have no place.
	var links := _links.values().filter(func(link: Link) -> bool: return link.path.point_count > 0)
	links.map(_draw_link)
	for flight in _flights:
		var way := smoothstep(0.0, 1.0, (_now - flight.began) / FLIGHT)
		var at := _along(flight.link, way if flight.is_forward else 1.0 - way)
		_draw_player(flight.player, at, 6.0)
	links.map(_draw_label)
	for server in _members:
		_draw_card(server, _members[server])


func _draw_link(link: Link) -> void:
	var color := STATE_COLORS[_state(link)]
	draw_polyline(link.path.tessellate(), Color(color, 0.45), 2.0, true)
	if _state(link) != SinewServer.STATE_CONNECTED:
		return
	for receiver: String in link.rates:
		# One dot for each 5 messages a second, up to 8; they go to the end that counted them.
		var dots := clampi(ceili(link.rates[receiver] / 5.0), 0, 8)
		var is_forward := _ends_at(link, receiver)
		for index in dots:
			var way := fmod(_now * 0.6 + float(index) / dots, 1.0)
			_draw_dot(_along(link, way if is_forward else 1.0 - way), 2.6, color)


func _draw_label(link: Link) -> void:
	var state := _state(link)
	var text := STATE_NAMES[state]
	if state == SinewServer.STATE_CONNECTED:
		var rate := 0
		for end: String in link.rates:
			rate += link.rates[end]
		text = "%d/s" % rate
		if link.round_trip_time > 0.0:
			text += "   %.2f ms" % (link.round_trip_time * 1000.0)
	var width := _font.get_string_size(text, HORIZONTAL_ALIGNMENT_LEFT, -1, 13).x + 16.0
	# Not in the middle where links cross.
	var extent := _along(link, 1.0) - _along(link, 0.0)
	var is_steep := absf(extent.y) > 1.0 and absf(extent.x) > 120.0
	var center := _along(link, 0.15 if is_steep else 0.5)
	var box := Rect2(center - Vector2(width / 2.0, 12.0), Vector2(width, 24.0))
	_draw_box(box, GROUND, 12, Color(STATE_COLORS[state], 0.6))
	var start := Vector2(box.position.x, center.y + 4.5)
	_write(start, text, 13, TEXT, width, HORIZONTAL_ALIGNMENT_CENTER)


func _draw_card(server: String, member: Member) -> void:
	var card := member.card
	var is_alive := member.state == SinewServer.STATE_CONNECTED
	var color := GROUP_COLORS[member.group] if is_alive else STATE_COLORS[member.state]
	_draw_box(card, CARD, 10, Color(color, 0.9))
	var text := card.position + Vector2(16.0, 29.0)
	var width := card.size.x - 32.0
	_write(text, server, 19, TEXT, width)
	var state_color := STATE_COLORS[member.state]
	_draw_dot(Vector2(card.end.x - 22.0, text.y - 7.0), 5.0, state_color)
	var second := text + Vector2(0.0, 23.0)
	var state := STATE_NAMES[member.state]
	_write(second, "group " + member.group, 13, color, width)
	_write(second, state, 13, state_color, width, HORIZONTAL_ALIGNMENT_RIGHT)
	if member.group != "world":
		_write(text + Vector2(0.0, 49.0), member.about, 14, DIM, width)
		return
	var ground := Rect2(card.position + Vector2(12.0, 64.0), card.size - Vector2(24.0, 76.0))
	_draw_box(ground, GROUND, 6, Color(color, 0.15))
	_draw_grid(ground, Color(color, 0.07))
	_write(ground.position + Vector2(8.0, 17.0), member.about, 12, DIM, width)
	var inside := ground.grow_individual(-9.0, -26.0, -9.0, -9.0)
	for player in member.players:
		var place := member.players[player].clampf(0.0, 1.0)
		_draw_player(player, inside.position + inside.size * place, 5.0)


func _draw_grid(ground: Rect2, color: Color) -> void:
	var columns := roundi(ground.size.x / 30.0)
	for column in range(1, columns):
		var x := ground.position.x + ground.size.x * column / columns
		draw_line(Vector2(x, ground.position.y), Vector2(x, ground.end.y), color)
	var rows := roundi(ground.size.y / 30.0)
	for row in range(1, rows):
		var y := ground.position.y + ground.size.y * row / rows
		draw_line(Vector2(ground.position.x, y), Vector2(ground.end.x, y), color)


func _draw_player(player: int, at: Vector2, radius: float) -> void:
	# The golden ratio: neighbours in number are far from each other in colour.
	var color := Color.from_hsv(fmod(player * 0.618034, 1.0), 0.55, 1.0)
	_draw_dot(at, radius + 3.0, Color(color, 0.18))
	_draw_dot(at, radius, color)


func _draw_dot(at: Vector2, radius: float, color: Color) -> void:
	draw_circle(at, radius, color, true, -1.0, true)


func _draw_box(box: Rect2, color: Color, radius: int, border: Color) -> void:
	_box.bg_color = color
	_box.border_color = border
	_box.set_border_width_all(1)
	_box.set_corner_radius_all(radius)
	draw_style_box(_box, box)


func _write(
	at: Vector2,
	text: String,
	font_size: int,
	color: Color,
	width: float,
	alignment := HORIZONTAL_ALIGNMENT_LEFT
) -> void:
	draw_string(_font, at, text, alignment, width, font_size, color)


## The worse of what the two ends say.
func _state(link: Link) -> int:
	for state: int in link.states.values():
		if state != SinewServer.STATE_CONNECTED:
			return state
	return SinewServer.STATE_CONNECTED


func _ends_at(link: Link, server: String) -> bool:
	return _members[server].card.grow(1.0).has_point(_along(link, 1.0))


## The point of a link's line at [param way], from 0 to 1.
func _along(link: Link, way: float) -> Vector2:
	return link.path.sample_baked(way * link.path.get_baked_length())
