// bcryptprimitives.dll, as far as Rust's standard library needs it: random bytes. `.ci/platforms wine` builds it,
// since the Wine of Debian 12 does not have it.
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    while (count > 0) {
        ULONG part = count > 4096 ? 4096 : (ULONG)count;
        if (!RtlGenRandom(bytes, part))
            return FALSE;
        bytes += part;
        count -= part;
    }
    return TRUE;
}
