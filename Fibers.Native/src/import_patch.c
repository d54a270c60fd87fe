// Rewrites imported function pointers (the global offset table) of loaded modules. Where the linker made
// those pages read-only after start-up they are made writable, written, and made read-only again.
//
// Another thread may be loading a module that is visited: it is on the list before its pointers are there, and its pages are protected when they
// are. Such a module is left to the next scan. (Its loader would write over what was written here, or into a page that is read-only again.)
#include "internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define RELOCATION_SLOT R_X86_64_JUMP_SLOT
#define RELOCATION_DATA R_X86_64_GLOB_DAT
#define RELOCATION_WORD R_X86_64_64
#elif defined(__aarch64__)
#define RELOCATION_SLOT R_AARCH64_JUMP_SLOT
#define RELOCATION_DATA R_AARCH64_GLOB_DAT
#define RELOCATION_WORD R_AARCH64_ABS64
#elif defined(__riscv)
#define RELOCATION_SLOT R_RISCV_JUMP_SLOT
#define RELOCATION_DATA R_RISCV_64
#define RELOCATION_WORD R_RISCV_64
#endif

static pthread_mutex_t patch_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long long modules_seen; // dlpi_adds at the last complete pass

struct pass {
    const imports *table;
    const char *names[MAX_IMPORTS];
    int patched;
    bool unfinished; // a module was still being loaded
    unsigned long long adds;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// The dynamic section, with addresses the loader may or may not have relocated already.
struct dynamic {
    const ElfW(Sym) *symbols;
    const char *strings;
    const ElfW(Rela) *plt, *data;
    size_t plt_count, data_count;
    const uint32_t *gnu_hash;
};

static const void *absolute(const struct dl_phdr_info *module, ElfW(Addr) address)
{
    return (const void *)(address < module->dlpi_addr ? module->dlpi_addr + address : address);
}

static bool read_dynamic(const struct dl_phdr_info *module, struct dynamic *out)
{
    memset(out, 0, sizeof *out);
    const ElfW(Dyn) *entry = NULL;
    for (int i = 0; i < module->dlpi_phnum; i++)
        if (module->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const ElfW(Dyn) *)(module->dlpi_addr + module->dlpi_phdr[i].p_vaddr);
    if (entry == NULL)
        return false;
    for (; entry->d_tag != DT_NULL; entry++)
        switch (entry->d_tag) {
        case DT_SYMTAB: out->symbols = absolute(module, entry->d_un.d_ptr); break;
        case DT_STRTAB: out->strings = absolute(module, entry->d_un.d_ptr); break;
        case DT_JMPREL: out->plt = absolute(module, entry->d_un.d_ptr); break;
        case DT_PLTRELSZ: out->plt_count = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_RELA: out->data = absolute(module, entry->d_un.d_ptr); break;
        case DT_RELASZ: out->data_count = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_GNU_HASH: out->gnu_hash = absolute(module, entry->d_un.d_ptr); break;
        default: break;
        }
    return out->symbols != NULL && out->strings != NULL;
}

// The runtime is the module that exports its contract descriptor: libcoreclr.so, or the program itself
// in a single-file application.
static _Atomic(void *) contract;
static _Atomic bool contract_looked_for;

// Before any lock is taken, and never while modules are visited: the loader would want a lock of its own, and whoever has that one may be
// waiting for ours, or for the one that is held during the visits.
static void look_for_contract(void)
{
    if (atomic_load(&contract_looked_for))
        return;
    atomic_store(&contract, dlsym(RTLD_DEFAULT, "DotNetRuntimeContractDescriptor"));
    atomic_store(&contract_looked_for, true);
}

static bool contains(const struct dl_phdr_info *module, const void *address)
{
    for (int i = 0; i < module->dlpi_phnum; i++) {
        uintptr_t low = module->dlpi_addr + module->dlpi_phdr[i].p_vaddr;
        if (module->dlpi_phdr[i].p_type == PT_LOAD && (uintptr_t)address >= low && (uintptr_t)address < low + module->dlpi_phdr[i].p_memsz)
            return true;
    }
    return false;
}

static bool exports_contract(const struct dl_phdr_info *module)
{
    return has_prefix(base_name(module->dlpi_name), "libcoreclr.so") || (module->dlpi_name[0] == '\0' && contains(module, atomic_load(&contract)));
}

static uint32_t classify(const struct dl_phdr_info *module)
{
    static const char *const untouched[] = {"libc.so", "libpthread.so", "libdl.so", "librt.so", "libm.so", "ld-linux", "ld-musl", "libfibers", "linux-vdso", "libasan", "libubsan", "libtsan"};
    const char *name = base_name(module->dlpi_name);
    for (size_t i = 0; i < sizeof untouched / sizeof untouched[0]; i++)
        if (has_prefix(name, untouched[i]))
            return 0;
    if (exports_contract(module))
        return module->dlpi_name[0] == '\0' ? MODULES_RUNTIME | MODULES_SYSTEM : MODULES_RUNTIME;
    if (has_prefix(name, "libSystem.Native"))
        return MODULES_SYSTEM;
    return fibers_library_parks(name) ? MODULES_OTHER : MODULES_QUIET;
}

// What the page's protection must be again: that of its segment, minus writing where the loader has
// already taken it away.
static int protection_of(const struct dl_phdr_info *module, uintptr_t address)
{
    int protection = PROT_READ | PROT_WRITE;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[i];
        uintptr_t low = module->dlpi_addr + header->p_vaddr;
        if (address < low || address >= low + header->p_memsz)
            continue;
        if (header->p_type == PT_LOAD)
            protection = (header->p_flags & PF_R ? PROT_READ : 0) | (header->p_flags & PF_W ? PROT_WRITE : 0) | (header->p_flags & PF_X ? PROT_EXEC : 0);
        // The loader protects whole pages only: where the last one is shared with ordinary data, it stays writable.
        if (header->p_type == PT_GNU_RELRO && address < ((low + header->p_memsz) & ~(fibers_page_size() - 1)))
            return PROT_READ;
    }
    return protection;
}

// Asks the kernel, by adding nothing to it.
static bool is_writable(uintptr_t address)
{
    uint32_t nobody = 0;
    return syscall(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 0, 0, address, FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) >= 0;
}

// Of one without pages to protect it is asked for each slot: what the linker has left there is no address yet.
static bool is_loaded(const struct dl_phdr_info *module, void *const *slot)
{
    uintptr_t size = 0;
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[i];
        uintptr_t low = (module->dlpi_addr + header->p_vaddr) & ~(fibers_page_size() - 1);
        uintptr_t high = (module->dlpi_addr + header->p_vaddr + header->p_memsz) & ~(fibers_page_size() - 1);
        if (header->p_type == PT_GNU_RELRO && low < high && is_writable(low))
            return false;
        if (header->p_type == PT_LOAD)
            size = header->p_vaddr + header->p_memsz;
    }
    return module->dlpi_addr == 0 || (uintptr_t)*slot >= size;
}

static bool write_slot(const struct dl_phdr_info *module, void **slot, void *value)
{
    uintptr_t page = (uintptr_t)slot & ~(fibers_page_size() - 1);
    int protection = protection_of(module, (uintptr_t)slot);
    if (!(protection & PROT_WRITE) && mprotect((void *)page, fibers_page_size(), PROT_READ | PROT_WRITE) != 0)
        return false;
    __atomic_store_n(slot, value, __ATOMIC_RELEASE); // other threads call through it right now
    if (!(protection & PROT_WRITE))
        mprotect((void *)page, fibers_page_size(), protection);
    return true;
}

static void patch_relocations(const struct dl_phdr_info *module, const struct dynamic *dynamic, const ElfW(Rela) *relocations, size_t count,
                              uint32_t class, struct pass *pass)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t type = (uint32_t)ELF64_R_TYPE(relocations[i].r_info);
        if (type != RELOCATION_SLOT && type != RELOCATION_DATA && type != RELOCATION_WORD)
            continue;
        const ElfW(Sym) *symbol = &dynamic->symbols[ELF64_R_SYM(relocations[i].r_info)];
        if (symbol->st_name == 0 || symbol->st_shndx != SHN_UNDEF)
            continue;
        const char *name = dynamic->strings + symbol->st_name;
        for (size_t entry = 0; entry < pass->table->count; entry++) {
            if (!(pass->table->modules[entry] & class) || strcmp(name, pass->names[entry]) != 0)
                continue;
            void *replacement = pass->table->replacements[entry];
            void **slot = (void **)(module->dlpi_addr + relocations[i].r_offset);
            if (*slot == replacement)
                break;
            if (!is_loaded(module, slot))
                pass->unfinished = true;
            else if (write_slot(module, slot, replacement))
                pass->patched++;
            break;
        }
    }
}

static void learn_text(const struct dl_phdr_info *module, uint32_t class)
{
    for (int i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &module->dlpi_phdr[i];
        uintptr_t low = module->dlpi_addr + header->p_vaddr, high = low + header->p_memsz;
        bool contains_us = (uintptr_t)learn_text >= low && (uintptr_t)learn_text < high;
        if (header->p_type == PT_LOAD && (header->p_flags & PF_X) && (contains_us || class == (MODULES_RUNTIME | MODULES_SYSTEM)))
            fibers_call_origin_learn(!contains_us, low, high);
    }
}

static int visit(struct dl_phdr_info *module, size_t size, void *argument)
{
    (void)size;
    struct pass *pass = argument;
    pass->adds = module->dlpi_adds;
    uint32_t class = classify(module);
    learn_text(module, class);
    struct dynamic dynamic;
    if (class == 0 || !read_dynamic(module, &dynamic))
        return 0;
    patch_relocations(module, &dynamic, dynamic.plt, dynamic.plt_count, class, pass);
    patch_relocations(module, &dynamic, dynamic.data, dynamic.data_count, class, pass);
    return 0;
}

// In the child of a fork: whoever held the lock is not there.
void fibers_imports_in_child(void)
{
    pthread_mutex_init(&patch_lock, NULL);
}

static int count_loads(struct dl_phdr_info *module, size_t size, void *argument)
{
    (void)size;
    *(unsigned long long *)argument = module->dlpi_adds;
    return 1; // the counter is the same in every entry
}

// Returns how many slots were rewritten. With only_new it is nearly free when nothing was loaded since.
int fibers_import_patch(const imports *table, bool only_new)
{
    struct pass pass = {.table = table};
    look_for_contract();
    pthread_mutex_lock(&patch_lock);
    unsigned long long loads = 0;
    dl_iterate_phdr(count_loads, &loads);
    if (!only_new || loads != modules_seen) {
        const char *name = table->names;
        for (size_t i = 0; i < table->count; i++, name += strlen(name) + 1)
            pass.names[i] = name;
        dl_iterate_phdr(visit, &pass);
        if (!pass.unfinished)
            modules_seen = pass.adds;
    }
    pthread_mutex_unlock(&patch_lock);
    return pass.patched;
}
