/* cmocka wants these four before its own header. */
#ifndef GATEPOST_TESTS_CMOCKA_H
#define GATEPOST_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
