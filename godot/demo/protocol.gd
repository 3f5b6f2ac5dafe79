extends RefCounted
## What the servers of the demo say to each other: the numbers of their messages and requests.
##
## A tag is any number from 0 to 65535; Sinew carries it and gives it no meaning.

enum {
	## A request to any member: how are you? The answer is a [Dictionary], see
	## [code]member.gd[/code].
	ABOUT = 1,
	## A request to a world: take this player. The payload is a player, see [code]player.gd[/code].
	ENTER,
	## From a world to the lobby, and from there to everybody: who speaks, from which world, and
	## what she says.
	CHAT,
	## From a world to the observers, 20 times a second: how many players it has, then the id, x
	## and y of each.
	PLAYERS,
	## From a world to the other worlds, 20 times a second: the same of those who stand near its
	## edges.
	NEAR_THE_EDGE,
	## From the lobby or a world to the observers: the id of a player who went away, and the name
	## of the world that took her.
	MOVED,
	## From the observer to everybody: the demo is over.
	END,
}
