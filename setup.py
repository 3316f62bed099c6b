"""The compiled part of the build; everything else is in setup.cfg."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "coop_icl.models._gru",
            ["coop_icl/models/_gru.c"],
            depends=[f"coop_icl/models/_gru_{part}.h" for part in ("level", "rounds", "learn", "plan")],
            extra_compile_args=["-O3"],
            optional=True,  # without a C compiler the same is done in torch operations
        )
    ]
)
