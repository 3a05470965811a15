"""The right answer to each comparison of `merge_sort.orch`, for `orch run --backend sim --oracle`."""

from __future__ import annotations

YEARS = {
    "Don Quixote": 1605,
    "The Pilgrim's Progress": 1678,
    "Robinson Crusoe": 1719,
    "Gulliver's Travels": 1726,
    "Candide": 1759,
    "The Sorrows of Young Werther": 1774,
    "Pride and Prejudice": 1813,
    "Frankenstein": 1818,
    "The Last of the Mohicans": 1826,
    "The Red and the Black": 1830,
    "The Hunchback of Notre-Dame": 1831,
    "Eugene Onegin": 1833,
    "Oliver Twist": 1838,
    "Dead Souls": 1842,
    "The Count of Monte Cristo": 1844,
    "Jane Eyre": 1847,
    "David Copperfield": 1850,
    "Moby-Dick": 1851,
    "Madame Bovary": 1856,
    "Les Misérables": 1862,
    "Alice's Adventures in Wonderland": 1865,
    "Crime and Punishment": 1866,
    "Little Women": 1868,
    "War and Peace": 1869,
    "Middlemarch": 1871,
    "The Adventures of Tom Sawyer": 1876,
    "Anna Karenina": 1878,
    "The Brothers Karamazov": 1880,
    "Treasure Island": 1883,
    "Adventures of Huckleberry Finn": 1884,
    "The Picture of Dorian Gray": 1890,
    "Dracula": 1897,
    "Heart of Darkness": 1899,
    "Buddenbrooks": 1901,
    "The Call of the Wild": 1903,
    "A Room with a View": 1908,
    "The Metamorphosis": 1915,
    "Ulysses": 1922,
    "The Great Gatsby": 1925,
    "Brave New World": 1932,
}


def is_older(a: str, b: str) -> bool:
    """By year of publication; books that are not listed come last, by their titles."""
    return (YEARS.get(a, 9999), a) < (YEARS.get(b, 9999), b)
