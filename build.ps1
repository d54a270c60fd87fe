#!/usr/bin/env pwsh
# All logic is in build.cs.
dotnet run (Join-Path $PSScriptRoot 'build.cs') -- @args
exit $LASTEXITCODE
