/* What GCC's unwinder needs in a static program with musl. */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>

/* As in glibc's <dlfcn.h>, without what stands behind. */
struct dl_find_object {
    unsigned long long flags;
    void *map_start, *map_end, *link_map, *eh_frame;
};

struct search {
    ElfW(Addr) address;
    struct dl_find_object *found;
};

static int look(struct dl_phdr_info *object, size_t size, void *data)
{
    struct search *search = data;
    void *eh_frame = 0;
    int is_here = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        ElfW(Addr) start = object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_GNU_EH_FRAME)
            eh_frame = (void *)start;
        if (part->p_type == PT_LOAD && search->address - start < part->p_memsz)
            is_here = 1;
    }
    if (!is_here || !eh_frame)
        return 0;
    *search->found = (struct dl_find_object){.eh_frame = eh_frame};
    return 1;
}

/* Finds the tables of the function at an address. glibc has this call since 2.35. */
int _dl_find_object(void *address, struct dl_find_object *found)
{
    struct search search = {(ElfW(Addr))address, found};
    return dl_iterate_phdr(look, &search) ? 0 : -1;
}

/* The unwinder names these weakly, which takes nothing out of a static library. */
void *const hangup_needed[] = {
    pthread_once, pthread_mutex_lock, pthread_mutex_unlock,
    pthread_key_create, pthread_getspecific, pthread_setspecific,
};
