using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using UnityEngine;

namespace Sinew
{
    /// <summary>Where a <see cref="SinewServerBehaviour"/> takes its configuration from.</summary>
    public enum ConfigurationSource
    {
        /// <summary>The fields of the inspector.</summary>
        Fields = 0,
        /// <summary>A TOML text that is kept in the scene or prefab.</summary>
        Text = 1,
        /// <summary>A text asset that holds TOML; Unity takes <c>.txt</c> and <c>.bytes</c> for such.</summary>
        Asset = 2,
        /// <summary>A TOML file, read when the server starts: relative to the working directory of the process.</summary>
        File = 3,
    }

    /// <summary>A group of the cluster, as the inspector shows it. Every server of the cluster must be told the same.</summary>
    [Serializable]
    public sealed class GroupSettings
    {
        [Tooltip("1 to 63 characters of a-z A-Z 0-9 _ . -")]
        public string name = "";

        [Tooltip("Whether its servers may accept game clients.")]
        public bool external;

        [Tooltip("Groups whose servers every server of this group dials. A group that names itself is a full mesh.")]
        public string[] connectsTo = new string[0];
    }

    /// <summary>One property of a server, as the inspector shows it.</summary>
    [Serializable]
    public sealed class PropertySettings
    {
        public string key = "";
        public string value = "";
    }

    /// <summary>
    /// The configuration of a <see cref="SinewServerBehaviour"/>. The fields are the keys that most servers need; every other key goes into
    /// <see cref="more"/>. An empty field is left out, so that Sinew's own default holds. Nothing is checked here: the library does that when
    /// the server starts, and says what is wrong. SINEW_* environment variables lie on top of all of it.
    /// </summary>
    [Serializable]
    public sealed class ServerSettings
    {
        public ConfigurationSource source = ConfigurationSource.Fields;

        [Tooltip("TOML, every key of docs/configuration.md."), TextArea(6, 30)]
        public string text = "";

        [Tooltip("A text asset that holds TOML.")]
        public TextAsset asset;

        [Tooltip("A TOML file, relative to the working directory of the process.")]
        public string file = "";

        [Tooltip("server.group: the group this server belongs to, one of the topology.")]
        public string group = "";

        [Tooltip("server.name: unique in its group. Empty: the group and six random letters.")]
        public string serverName = "";

        [Tooltip("server.listen: the address to bind. Empty: 127.0.0.1 and any free port.")]
        public string listen = "";

        [Tooltip("server.advertise: what others dial, where that is not the bound address.")]
        public string advertise = "";

        [Tooltip("server.properties: what the other servers see of this one.")]
        public PropertySettings[] properties = new PropertySettings[0];

        [Tooltip("registry.addresses: where the registry is, host:port. Empty: 127.0.0.1:4100.")]
        public string[] registryAddresses = new string[0];

        [Tooltip("registry.host: this server keeps the registry, too.")]
        public bool hostRegistry;

        [Tooltip("registry.listen: the address that the registry of this server binds. Empty: 127.0.0.1:4100.")]
        public string registryListen = "";

        [Tooltip("cluster.name: servers of different clusters refuse each other.")]
        public string clusterName = "";

        [Tooltip("cluster.key_file: made by `sinew keygen`. Empty: only servers on this machine can join.")]
        public string keyFile = "";

        [Tooltip("[groups]: which groups there are, and which connect to which.")]
        public GroupSettings[] topology = new GroupSettings[0];

        [Tooltip("log.level: the least severe line that is written.")]
        public LogLevel logLevel = LogLevel.Info;

        [Tooltip("Further lines of TOML, such as limits.outbox_bytes = 1048576"), TextArea(2, 20)]
        public string more = "";

        /// <summary>The TOML text that these settings are.</summary>
        /// <param name="logToEvents">
        /// Whether the log is to come as events: <c>log.to = "events"</c>. A text, an asset or a file says that for itself.
        /// </param>
        /// <exception cref="IOException">The file cannot be read.</exception>
        /// <exception cref="InvalidOperationException">There is no asset.</exception>
        public string ToToml(bool logToEvents = true)
        {
            switch (source)
            {
                case ConfigurationSource.Text:
                    return text;
                case ConfigurationSource.Asset:
                    if (asset == null) throw new InvalidOperationException("the configuration is to come from a text asset, but none is assigned");
                    return asset.text;
                case ConfigurationSource.File:
                    return File.ReadAllText(file);
                default:
                    return FromFields(logToEvents);
            }
        }

        private string FromFields(bool logToEvents)
        {
            // Dotted keys throughout: so `more` may go on with whichever table it likes.
            var toml = new StringBuilder();
            Line(toml, "server.group", group);
            Line(toml, "server.name", serverName);
            Line(toml, "server.listen", listen);
            Line(toml, "server.advertise", advertise);
            foreach (PropertySettings property in properties)
            {
                toml.Append("server.properties.").Append(Quoted(property.key)).Append(" = ").Append(Quoted(property.value)).Append('\n');
            }
            foreach (GroupSettings one in topology)
            {
                string key = "groups." + Quoted(one.name);
                toml.Append(key).Append(".visibility = ").Append(one.external ? "\"external\"\n" : "\"internal\"\n");
                List(toml, key + ".connects_to", one.connectsTo);
            }
            if (registryAddresses.Length > 0) List(toml, "registry.addresses", registryAddresses);
            if (hostRegistry) toml.Append("registry.host = true\n");
            Line(toml, "registry.listen", registryListen);
            Line(toml, "cluster.name", clusterName);
            Line(toml, "cluster.key_file", keyFile);
            Line(toml, "log.level", logLevel.ToString().ToLowerInvariant());
            if (logToEvents) Line(toml, "log.to", "events");
            return toml.Append(more).ToString();
        }

        private static void Line(StringBuilder toml, string key, string value)
        {
            if (!string.IsNullOrEmpty(value)) toml.Append(key).Append(" = ").Append(Quoted(value)).Append('\n');
        }

        private static void List(StringBuilder toml, string key, IEnumerable<string> values)
        {
            var quoted = new List<string>();
            foreach (string value in values) quoted.Add(Quoted(value));
            toml.Append(key).Append(" = [").Append(string.Join(", ", quoted.ToArray())).Append("]\n");
        }

        /// <summary>A basic string of TOML, which is also how a key is written that may hold any character.</summary>
        private static string Quoted(string value)
        {
            var quoted = new StringBuilder("\"");
            foreach (char one in value ?? "")
            {
                if (one == '"' || one == '\\') quoted.Append('\\').Append(one);
                else if (one < ' ' || one == 0x7f) quoted.Append("\\u").Append(((int)one).ToString("x4"));
                else quoted.Append(one);
            }
            return quoted.Append('"').ToString();
        }
    }
}
