using System.Diagnostics;
using System.Reflection;

namespace Fibers.Demos.Fetching;

/// <summary>
/// This program again, in a process of its own, spoken to by lines. The child ends when its input does: so also when the parent is
/// killed, because then the system closes the pipe.
/// </summary>
internal sealed class Child : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    private readonly Process _process;

    public Child(string[] arguments, params (string Name, string Value)[] environment)
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is not known.");
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
            start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location); // run as `dotnet Fibers.Demos.dll`
        start.ArgumentList.Add("fetch");
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
    }

    public int ProcessId => _process.Id;

    public void Tell(string line) => _process.StandardInput.WriteLine(line);

    /// <summary>The child's next line. Throws when it has ended, or says nothing for two minutes.</summary>
    public string Hear()
    {
        Task<string?> line = _process.StandardOutput.ReadLineAsync();
        if (!line.Wait(s_patience))
            throw new TimeoutException($"The child process {ProcessId} has said nothing for {s_patience.TotalSeconds:N0} s.");
        if (line.Result is { } heard)
            return heard;
        _process.WaitForExit();
        throw new InvalidOperationException($"The child process {ProcessId} ended early, with exit code {_process.ExitCode}.");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
            _process.Kill();
        _process.Dispose();
    }

    // ---- in the child --------------------------------------------------------------------------------

    /// <summary>The parent's next line; ends this process when there is none.</summary>
    public static string HearParent()
    {
        if (Console.In.ReadLine() is { } line)
            return line;
        Environment.Exit(0);
        throw new UnreachableException();
    }

    /// <summary>Blocks until the parent closes our input, or ends.</summary>
    public static void WaitForParentsEnd()
    {
        while (Console.In.ReadLine() is not null)
        {
        }
    }

    /// <summary>From here this process ends with the parent, whatever it is doing.</summary>
    public static void EndWithParent() => new Thread(() =>
    {
        WaitForParentsEnd();
        Environment.Exit(0);
    })
    { IsBackground = true }.Start();
}
