"""Long work, as its starter watches it. Rooms write the row; app.jobs does the work and moves its
progress.
"""
