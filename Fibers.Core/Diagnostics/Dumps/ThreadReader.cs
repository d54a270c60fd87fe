using Fibers.Diagnostics.Inspection;

namespace Fibers.Diagnostics.Dumps;

/// <summary>Ordinary threads, as far as fibers wait for them: which lock they wait for themselves, and where.</summary>
internal sealed class ThreadReader(StackReader stacks, Parties parties)
{
    private const int Attempts = 4;

    /// <summary>Null: it waits for no lock.</summary>
    public WaitNode? Read(PartySnapshot party)
    {
        if (Inspector.Current is not { } inspector)
            return null;
        for (int i = 0; i < Attempts; i++)
        {
            try
            {
                if (inspector.Threads.Find(thread => thread.ManagedId == party.Thread) is not { } found || inspector.Locks.Read(found.Native) is not { } held)
                    return null;
                List<nint>? methods = stacks.Walk(found.Native);
                if (inspector.Locks.Read(found.Native) == held) // it waited for the same lock before and after
                {
                    WaitSnapshot wait = WaitReader.Lock(held, parties);
                    return new WaitNode(party with { Waits = wait.Text, Stack = stacks.Text(methods) }, wait.On, wait.Stamp);
                }
            }
            catch (UnreadableException)
            {
                // it moved: look again
            }
        }

        return null;
    }
}
