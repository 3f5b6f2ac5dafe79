using System.Collections.Generic;

namespace Sinew.Samples
{
    /// <summary>What stands for a database here: entries, and who wants to be told of changes.</summary>
    public sealed class SharedList
    {
        internal readonly Dictionary<ulong, ServerRegistration> Entries = new Dictionary<ulong, ServerRegistration>();
        internal readonly List<ListConnector> Watchers = new List<ListConnector>();
    }

    /// <summary>
    /// Joins one server to the list. Sinew calls what is overridden, on the main thread; the connector calls the rest when the registry tells
    /// something. A registry in another process would also have to look after servers that have crashed: those entries run out.
    /// </summary>
    public sealed class ListConnector : ServerRegistryConnector
    {
        private readonly SharedList list;

        public ListConnector(SharedList list)
        {
            this.list = list;
        }

        protected override void RegisterServer(ServerRegistration entry)
        {
            list.Entries[entry.Id] = entry;
            if (Registered(entry.Id) != SinewResult.Ok)
            {
                // It is stopping already.
                list.Entries.Remove(entry.Id);
                return;
            }
            // Everybody who is there, this server included: Sinew leaves out whom it shall not see.
            BeginSnapshot();
            foreach (ServerRegistration one in list.Entries.Values) HandleServerJoin(one);
            EndSnapshot();
            foreach (ListConnector other in list.Watchers) other.HandleServerJoin(entry);
            list.Watchers.Add(this);
        }

        protected override void DeregisterServer(ulong id)
        {
            list.Entries.Remove(id);
            list.Watchers.Remove(this);
            foreach (ListConnector other in list.Watchers) other.HandleServerLeave(id);
        }
    }
}
