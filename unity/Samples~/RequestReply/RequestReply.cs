using System.Collections.Generic;
using System.Text;
using UnityEngine;

namespace Sinew.Samples
{
    /// <summary>
    /// A lobby asks whichever arena has the least to do to start a match, and awaits the answer; the arenas tell how much they have to do. Put this
    /// on an empty game object and press Play.
    /// </summary>
    public sealed class RequestReply : MonoBehaviour
    {
        private const ushort StartMatch = 40;

        [Tooltip("Where the lobby keeps the registry, and the arenas look for it.")]
        public string registry = "127.0.0.1:4100";

        [Tooltip("How many arenas there are.")]
        public int arenas = 2;

        [Tooltip("How many matches the lobby starts.")]
        public int matches = 4;

        /// <summary>What came of each match: the name of the arena that has it, or why there is none.</summary>
        public readonly List<string> outcomes = new List<string>();

        private void Start()
        {
            SinewServerBehaviour lobby = Server("lobby", "the-lobby", "registry.host = true\nregistry.listen = '" + registry + "'\n");
            int connected = 0;
            lobby.ServerConnected += (sender, e) =>
            {
                if (++connected == arenas) Place(lobby.Server);
            };
            for (int n = 1; n <= arenas; n++) Arena("arena-" + n);
        }

        private void Arena(string name)
        {
            SinewServerBehaviour arena = Server("arena", name, "server.properties = { load = '0', capacity = '40' }\n");
            int running = 0;
            arena.RequestReceived += (sender, e) =>
            {
                // What no handler answers or takes is refused with NoHandler.
                if (e.Tag != StartMatch) return;
                running++;
                arena.Server.SetProperty("load", running.ToString());
                e.Reply(Encoding.UTF8.GetBytes(name));
            };
        }

        /// <summary>Goes on, after each await, inside the poll of the lobby: on the main thread.</summary>
        private async void Place(SinewServer lobby)
        {
            for (int n = 1; n <= matches; n++)
            {
                byte[] players = Encoding.UTF8.GetBytes("match " + n);
                try
                {
                    // If the first one does not answer in time, another one is asked.
                    Reply reply = await lobby.RequestAny("arena", SelectionPolicy.LeastLoaded, StartMatch, players, timeoutMs: 2000, retries: 1);
                    outcomes.Add(Encoding.UTF8.GetString(reply.Data));
                    Debug.Log("match " + n + " is on " + outcomes[n - 1]);
                }
                catch (RequestFailedException exception)
                {
                    outcomes.Add(exception.Message);
                    Debug.Log("match " + n + " has no arena: " + exception.Message);
                }
            }
        }

        private SinewServerBehaviour Server(string group, string name, string more)
        {
            var server = new GameObject(name).AddComponent<SinewServerBehaviour>();
            server.settings.source = ConfigurationSource.Text;
            server.settings.text =
                "log = { to = 'events' }\n" +
                "server.group = '" + group + "'\n" +
                "server.name = '" + name + "'\n" +
                "registry.addresses = ['" + registry + "']\n" +
                "groups.lobby.connects_to = ['arena']\n" +
                "groups.arena = {}\n" + more;
            return server;
        }
    }
}
