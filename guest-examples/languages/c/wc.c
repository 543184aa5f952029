// wc [FILE]...: lines, words and bytes of each file and, of several, in all; of standard input without any.

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct counts {
    unsigned long long lines, words, bytes;
};

static bool count(FILE *from, struct counts *counts)
{
    bool in_word = false;
    for (int c; (c = getc(from)) != EOF;) {
        counts->bytes++;
        counts->lines += c == '\n';
        counts->words += !isspace(c) && !in_word;
        in_word = !isspace(c);
    }
    return !ferror(from);
}

static void print(const struct counts *counts)
{
    printf("%llu %llu %llu", counts->lines, counts->words, counts->bytes);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        struct counts counts = {0};
        if (!count(stdin, &counts)) {
            fprintf(stderr, "wc: standard input: %s\n", strerror(errno));
            return 1;
        }
        print(&counts);
        puts("");
        return 0;
    }

    struct counts total = {0};
    int status = 0;
    for (int i = 1; i < argc; i++) {
        struct counts counts = {0};
        FILE *file = fopen(argv[i], "r");
        if (file == NULL || !count(file, &counts)) {
            fprintf(stderr, "wc: %s: %s\n", argv[i], strerror(errno));
            status = 1;
        } else {
            print(&counts);
            printf(" %s\n", argv[i]);
        }
        if (file != NULL)
            fclose(file);
        total.lines += counts.lines;
        total.words += counts.words;
        total.bytes += counts.bytes;
    }
    if (argc > 2) {
        print(&total);
        puts(" total");
    }
    return status;
}
