namespace UnityEngine.PlayerLoop
{
    public struct EarlyUpdate
    {
    }

    public struct PreUpdate
    {
    }

    public struct Update
    {
    }
}
