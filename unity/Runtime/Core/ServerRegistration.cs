using System.Collections.Generic;

namespace Sinew
{
    /// <summary>One entry of a registry: a server, and how it is reached.</summary>
    public sealed class ServerRegistration
    {
        private static readonly Dictionary<string, string> None = new Dictionary<string, string>();

        /// <summary>The server's id. In <see cref="ServerRegistryConnector.RegisterServer"/>: one that nobody has, to be used unless the registry gives ids of its own.</summary>
        public ulong Id { get; private set; }

        /// <summary>The server's group: 1 to 63 characters of a-z A-Z 0-9 _ . -</summary>
        public string Group { get; private set; }

        /// <summary>The server's name, unique in its group; the same characters.</summary>
        public string Name { get; private set; }

        /// <summary>What the others dial: a host name or an address, IPv6 without brackets.</summary>
        public string Host { get; private set; }

        /// <summary>The port beside it, 1 to 65535.</summary>
        public ushort Port { get; private set; }

        /// <summary>Whom its group is for. Not read by <see cref="ServerRegistryConnector.HandleServerJoin"/>: there it is what the configuration says.</summary>
        public ServerVisibility Visibility { get; private set; }

        /// <summary>At most 4 KiB in all; never <c>null</c>.</summary>
        public IReadOnlyDictionary<string, string> Properties { get; private set; }

        /// <summary>An entry as it stands in a registry. <paramref name="properties"/> may be <c>null</c> for none.</summary>
        public ServerRegistration(ulong id, string group, string name, string host, ushort port,
            IReadOnlyDictionary<string, string> properties = null) : this(id, group, name, host, port, ServerVisibility.None, properties)
        {
        }

        internal ServerRegistration(ulong id, string group, string name, string host, ushort port, ServerVisibility visibility,
            IReadOnlyDictionary<string, string> properties)
        {
            Id = id;
            Group = group;
            Name = name;
            Host = host;
            Port = port;
            Visibility = visibility;
            Properties = properties ?? None;
        }
    }
}
