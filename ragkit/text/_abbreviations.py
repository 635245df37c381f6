"""Words that a full stop follows without ending the sentence, and words that open sentences."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never before a sentence's end: a name, a number or an example follows.
_TITLES_AND_LINKS = _words(
    """
mr mrs ms mx dr prof rev hon sr sra srta st mt ft messrs mme mlle gen col lt sgt cpl capt cmdr adm
maj brig gov sen rep pres supt insp det fr sir
e.g i.e eg ie cf vs v viz al resp approx ca incl excl esp
z.b d.h u.a bzw vgl ggf evtl inkl exkl sog geb gest bspw usf hr fr hrn
p.ex ex m mm
"""
)

# Often at a sentence's end too: the next word decides.
_MAY_END = _words(
    """
etc inc ltd co corp llc plc bros jr sr esq dept univ assn
a.m p.m u.s u.k u.n u.s.a e.u d.c ph.d m.d b.a m.a b.sc m.sc
usw u.s.w o.ä u.v.m a.d b.c
"""
)

ABBREVIATIONS: dict[str, bool] = {
    **dict.fromkeys(_TITLES_AND_LINKS, False),
    **dict.fromkeys(_MAY_END, True),
}
"""Lower-case abbreviation without its last stop -> whether it may also end a sentence."""

ABBREVIATIONS_BEFORE_NUMBERS: frozenset[str] = _words(
    """
    no nos nr num fig figs tab eq eqs sec sect ch chap chaps vol vols p pp art arts para paras pt
    app ver rev ed eds par ref refs ex lfd abb abs bd kap ziff s jan feb mar apr jun jul aug sep
    sept oct nov dec
    """
)
"""Abbreviations only if a number follows: "No. 5", but "he said no."."""

MONTHS_AFTER_ORDINALS: frozenset[str] = _words(
    """
    Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember
    Jahrhundert Jahrhunderts
    """
)
"""German words before which "3." is an ordinal."""

SENTENCE_OPENERS: frozenset[str] = _words(
    """
    A An The This That These Those It Its He She They We You I His Her Their Our Your My In On At
    By For From With Without Of To As If When While Where What Who Why How Which There Here Then
    Thus However Moreover Furthermore Therefore Hence Although Though Because Since After Before
    During Until Once Both Each Every All Some Many Most Few Several Such Other Another Also And
    But Or Nor So Yet Not No Only Even Just Now Today One Two Three First Second Finally Instead
    Meanwhile According Under Over Between Among Let See Note Use
    Der Die Das Ein Eine Er Sie Es Wir Ihr Ich Im In Am Auf Mit Von Für Bei Nach Zu Als Wenn Da
    Le La Les Un Une Il Elle Ils Nous Vous En Dans El Los Las Una
    """
)
"""Capitalised words that open a sentence far more often than they go on one."""
