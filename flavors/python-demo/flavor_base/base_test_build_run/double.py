def run(row):
    return 2 * row
