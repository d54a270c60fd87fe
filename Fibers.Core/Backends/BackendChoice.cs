namespace Fibers.Backends;

/// <summary>Auto: Native where it can be trusted, else Threads, with the reason.</summary>
internal static class BackendChoice
{
    public static Backend Make(FiberRuntime runtime, FiberRuntimeOptions options, out string? fallbackReason)
    {
        fallbackReason = null;
        switch (options.Backend)
        {
            case FiberBackend.Inline:
                return new InlineBackend();
            case FiberBackend.Threads:
                return new ThreadsBackend(options.StackSize);
            default:
                if (NativeSupport.Reason is not { } reason)
                    return new NativeBackend(runtime, options);
                if (options.Backend == FiberBackend.Native)
                    throw new PlatformNotSupportedException($"The Native backend cannot be used here: {reason}.");
                fallbackReason = reason;
                return new ThreadsBackend(options.StackSize);
        }
    }
}
