// The component's events are the server's, each of them: by name, by type, and by who is called.
using System;
using System.Reflection;
using Sinew;
using UnityEditor;
using UnityEngine;
using static Support;

internal static class EveryEvent
{
    internal static readonly Action[] All = { IsTheServersOwn };

    private const BindingFlags Hidden = BindingFlags.Static | BindingFlags.Instance | BindingFlags.NonPublic;

    private static void Plain(object sender, EventArgs e)
    {
    }

    private static void Message(object sender, MessageReceivedEventArgs e)
    {
    }

    private static void Request(object sender, RequestReceivedEventArgs e)
    {
    }

    private static Delegate HandlerOf(Type type)
    {
        string name = type == typeof(MessageReceivedHandler) ? "Message" : type == typeof(RequestReceivedHandler) ? "Request" : "Plain";
        return Delegate.CreateDelegate(type, typeof(EveryEvent).GetMethod(name, Hidden));
    }

    /// <summary>In how many of the server's lists the handler is, and how often.</summary>
    private static int Listens(SinewServer server, Delegate handler)
    {
        int found = 0;
        foreach (FieldInfo field in typeof(SinewServer).GetFields(Hidden))
        {
            if (!field.FieldType.Name.StartsWith("HandlerList", StringComparison.Ordinal)) continue;
            object list = field.GetValue(server);
            var items = (Delegate[])list.GetType().GetField("Items", Hidden).GetValue(list);
            foreach (Delegate one in items ?? new Delegate[0])
            {
                if (one.Equals(handler)) found++;
            }
        }
        return found;
    }

    private static void IsTheServersOwn()
    {
        Scene.Play();
        int events = 0;
        foreach (EventInfo of in typeof(SinewServer).GetEvents())
        {
            events++;
            EventInfo ours = typeof(SinewServerBehaviour).GetEvent(of.Name);
            Check(ours != null && ours.EventHandlerType == of.EventHandlerType, "the component has " + of.Name);
            Delegate early = HandlerOf(ours.EventHandlerType), late = HandlerOf(ours.EventHandlerType);
            SinewServerBehaviour one = Scene.World("one", Scene.Registry(), true);
            // Two before the start, as one that was combined; one after it.
            ours.AddEventHandler(one, early);
            ours.AddEventHandler(one, early);
            Scene.Activate(one);
            Same(2, Listens(one.Server, early), "how often " + of.Name + " calls who came early");
            ours.AddEventHandler(one, late);
            Same(3, Listens(one.Server, late), "how often " + of.Name + " calls who came late");
            ours.RemoveEventHandler(one, late);
            Same(2, Listens(one.Server, late), "how often " + of.Name + " calls them when one has gone");
            one.gameObject.SetActive(false);
            Scene.Activate(one);
            Same(2, Listens(one.Server, early), "how often " + of.Name + " of the next server calls them");
            UnityEngine.Object.Destroy(one.gameObject);
        }
        Same(16, events, "the number of events");
        EditorEngine.ExitPlayMode();
    }
}
