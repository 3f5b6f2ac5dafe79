using System.Collections.Generic;

namespace Sinew.Tests
{
    /// <summary>A registry for the servers of one test: who is there, and who is to be told.</summary>
    public sealed class Neighbourhood
    {
        internal readonly Dictionary<ulong, ServerRegistration> Entries = new Dictionary<ulong, ServerRegistration>();
        internal readonly List<Neighbour> Neighbours = new List<Neighbour>();
    }

    /// <summary>What connects one server with it.</summary>
    public sealed class Neighbour : ServerRegistryConnector
    {
        private readonly Neighbourhood everybody;

        public Neighbour(Neighbourhood everybody)
        {
            this.everybody = everybody;
        }

        protected override void RegisterServer(ServerRegistration entry)
        {
            everybody.Entries[entry.Id] = entry;
            Registered(entry.Id);
            foreach (ServerRegistration one in everybody.Entries.Values) HandleServerJoin(one);
            foreach (Neighbour other in everybody.Neighbours) other.HandleServerJoin(entry);
            everybody.Neighbours.Add(this);
        }

        protected override void DeregisterServer(ulong id)
        {
            everybody.Entries.Remove(id);
            everybody.Neighbours.Remove(this);
            foreach (Neighbour other in everybody.Neighbours) other.HandleServerLeave(id);
        }
    }
}
