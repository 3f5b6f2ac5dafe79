using UnityEngine;

namespace Sinew.Samples
{
    /// <summary>
    /// Two servers in one scene: a lobby, which keeps the registry, and a world that the lobby connects to. The lobby tells the world where a
    /// player wants to go, and the world says that she has arrived. Put this on an empty game object and press Play.
    /// </summary>
    public sealed class TwoServers : MonoBehaviour
    {
        /// <summary>What a message is about: its tag. 0 to 65535, with a meaning that the game gives it.</summary>
        private const ushort Travel = 1, Arrived = 2;

        [Tooltip("Where the lobby keeps the registry, and the world looks for it.")]
        public string registry = "127.0.0.1:4100";

        /// <summary>Players that have arrived, in order, each with her position on the map.</summary>
        public readonly System.Collections.Generic.List<string> arrivals = new System.Collections.Generic.List<string>();

        // One for each: writing costs no garbage when it is cleared and used again.
        private readonly MessageWriter writer = new MessageWriter();

        private void Start()
        {
            GroupSettings[] topology =
            {
                new GroupSettings { name = "lobby", external = true, connectsTo = new[] { "world" } },
                new GroupSettings { name = "world" },
            };
            Server("world", topology, false).MessageReceived += OnWorldMessage;
            SinewServerBehaviour lobby = Server("lobby", topology, true);
            lobby.ServerConnected += (sender, e) => Send(e.RemoteServer, "Ada", 3.5f);
            lobby.MessageReceived += OnLobbyMessage;
        }

        /// <summary>A server on a game object of its own. It starts before the next frame: by then it has been told what it is.</summary>
        private SinewServerBehaviour Server(string group, GroupSettings[] topology, bool hostsRegistry)
        {
            var server = new GameObject(group).AddComponent<SinewServerBehaviour>();
            server.settings.group = group;
            server.settings.topology = topology;
            server.settings.registryAddresses = new[] { registry };
            server.settings.hostRegistry = hostsRegistry;
            if (hostsRegistry) server.settings.registryListen = registry;
            return server;
        }

        private void Send(IRemoteServer world, string player, float position)
        {
            writer.Clear().WriteString(player).WriteSingle(position);
            // False: its outbox is full, or its link is down. TrySend tells which.
            if (!world.SendMessage(Travel, writer)) Debug.Log("the world does not take " + player + " now");
        }

        /// <summary>The world's side. What the message holds is good until this returns.</summary>
        private void OnWorldMessage(object sender, MessageReceivedEventArgs e)
        {
            if (e.Tag != Travel) return;
            MessageReader reader = e.GetReader();
            string player = reader.ReadString();
            float position = reader.ReadSingle();
            reader.Finish();
            writer.Clear().WriteString(player).WriteSingle(position + 1);
            e.RemoteServer.SendMessage(Arrived, writer);
        }

        /// <summary>The lobby's side.</summary>
        private void OnLobbyMessage(object sender, MessageReceivedEventArgs e)
        {
            if (e.Tag != Arrived) return;
            MessageReader reader = e.GetReader();
            arrivals.Add(reader.ReadString() + " at " + reader.ReadSingle().ToString(System.Globalization.CultureInfo.InvariantCulture));
            Debug.Log(arrivals[arrivals.Count - 1]);
        }
    }
}
