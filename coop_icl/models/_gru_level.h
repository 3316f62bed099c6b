/* Everything for one set of instructions: defined by _gru.c before it includes this, forgotten at the end. */

#include "_gru_rounds.h"
#include "_gru_learn.h"
#include "_gru_plan.h"

#undef NAME
#undef WIDTH
#undef ROWS
#undef HALF
#undef VEC
#undef IVEC
#undef LOAD
#undef STORE
#undef ALL
#undef MIN
#undef MAX
#undef MULTIPLY_ADD
#undef SELECT
