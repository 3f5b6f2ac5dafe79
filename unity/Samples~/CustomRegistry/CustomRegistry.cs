using UnityEngine;

namespace Sinew.Samples
{
    /// <summary>
    /// Servers that find each other through a registry of the game's own: here a list that they share, in a game its matchmaker or its database. Put
    /// this on an empty game object and press Play.
    /// </summary>
    public sealed class CustomRegistry : MonoBehaviour
    {
        [Tooltip("How many servers there are, all connected with each other.")]
        public int servers = 3;

        /// <summary>Links that have come up so far; each is counted on both of its sides.</summary>
        public int Links { get; private set; }

        private void Start()
        {
            var list = new SharedList();
            for (int n = 1; n <= servers; n++)
            {
                var server = new GameObject("world-" + n).AddComponent<SinewServerBehaviour>();
                server.settings.group = "world";
                server.settings.serverName = server.name;
                server.settings.topology = new[] { new GroupSettings { name = "world", connectsTo = new[] { "world" } } };
                server.settings.more = "registry.kind = 'external'\n";
                // One for each start: a connector serves one server.
                server.MakeConnector = () => new ListConnector(list);
                server.ServerConnected += (sender, e) =>
                {
                    Links++;
                    Debug.Log(((SinewServer)sender).Name + " is connected with " + e.RemoteServer.Name);
                };
            }
        }
    }
}
